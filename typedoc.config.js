import { OptionDefaults } from 'typedoc'

// The reference of the public API, from the doc comments of lib/: `npm run docs`. Whatever is not told there, and a
// link that leads nowhere, is an error.
export default {
  name: 'setsid',
  entryPoints: ['lib/index.ts', 'lib/launch.ts'],
  tsconfig: 'tsconfig.build.json',
  out: 'build/reference',
  readme: 'none',
  githubPages: false,
  disableSources: true,
  excludeInternal: true,
  // The options of child_process.spawn() are told by Node.
  excludeExternals: true,
  blockTags: [...OptionDefaults.blockTags, '@platform', '@emits'],
  sort: ['source-order'],
  requiredToBeDocumented: [
    ...['Module', 'Function', 'Variable', 'Class', 'Enum', 'EnumMember', 'Interface', 'TypeAlias'],
    ...['Property', 'Method', 'Accessor', 'Constructor'],
  ],
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: true,
    unusedMergeModuleWith: true,
  },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
}
