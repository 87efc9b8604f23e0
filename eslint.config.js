import js from '@eslint/js'
import globals from 'globals'
import tseslint from 'typescript-eslint'

// Imports run one way: a folder may import from itself and from the rows before its own.
const rows = [
  ['base'],
  ['raw', 'launcher'],
  ['inspect'],
  ['spawn'],
  ['stop'],
  ['run', 'daemon'],
  ['cli'],
]
const house = 'see "The house" in CONTRIBUTING.md'

const oneWay = rows.flatMap((row, i) =>
  row.map((folder) => {
    const later = [...rows.slice(i + 1).flat(), ...row.filter((other) => other !== folder)]
    const entries = {
      group: ['../index.ts', '../launch.ts', '../../index.ts', '../../launch.ts'],
      message: `Nothing imports the entries: ${house}.`,
    }
    const upwards = {
      group: later.map((name) => `**/${name}/**`),
      message: `${folder} comes first: ${house}.`,
    }
    return {
      files: [`lib/${folder}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: later.length > 0 ? [entries, upwards] : [entries] },
        ],
      },
    }
  }),
)

// A file that stands in no folder of the table has no place in the house.
const known = ['lib/index.ts', 'lib/launch.ts', ...rows.flat().map((folder) => `lib/${folder}/**`)]
const homeless = {
  files: ['lib/**'],
  ignores: known,
  rules: {
    'no-restricted-syntax': [
      'error',
      { selector: 'Program', message: `No such folder: ${house}.` },
    ],
  },
}

// scripts/house.mjs holds the same for src/.
const sizes = { files: ['lib/**/*.ts'], rules: { 'max-lines': ['error', 300] } }

// A process of somebody else is signalled through a target alone (lib/stop/target.ts): a number may have become
// another one's. The raw killpg() is the caller's own; what spawn gives the terminal to is continued, and spawn
// comes before stop; signal 0 asks; and we may signal ourselves.
const signals = [
  "CallExpression[callee.object.name='process'][callee.property.name='kill']:not([arguments.0.object.name='process'][arguments.0.property.name='pid'])",
  "CallExpression[callee.object.name='native'][callee.property.name='killpg']:not([arguments.1.value=0])",
  "CallExpression[callee.object.name='native'][callee.property.name=/^(stopLook|stopLookAsync)$/]",
].map((selector) => ({
  selector,
  message: 'Only lib/stop/target.ts signals another process.',
}))
const signallers = ['lib/stop/target.ts', 'lib/raw/session.ts', 'lib/spawn/terminal.ts']

// What Node has behind its public face stands in one file, with a table of it.
const internals = {
  selector:
    "MemberExpression[object.type!='ThisExpression'][property.name=/^_(handle|refreshSize)$/]",
  message: 'Only lib/launcher/node-internals.ts knows what Node has behind its public face.',
}
const oneHome = [
  { files: ['lib/**/*.ts'], ignores: signallers, restricted: [...signals, internals] },
  { files: ['lib/launcher/node-internals.ts'], restricted: signals },
].map(({ restricted, ...where }) => ({
  ...where,
  rules: { 'no-restricted-syntax': ['error', ...restricted] },
}))

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'coverage/', 'prebuilds/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers in messages are what this package is about.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/dot-notation': 'off',
      // What will wait one day is async today.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      // Fixtures and helpers are objects of closures.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['**/*.{js,mjs,cjs}'], languageOptions: { globals: globals.node } },
  ...oneWay,
  sizes,
  ...oneHome,
  homeless,
)
