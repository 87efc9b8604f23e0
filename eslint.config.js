import js from '@eslint/js'
import globals from 'globals'
import tseslint from 'typescript-eslint'

// Imports run one way. A file may import from its own tier and those before it.
const tiers = [
  ['native', 'errors'],
  ['validate'],
  ['session', 'terminal'],
  ['inspect', 'explain', 'wait', 'stdio'],
  ['child', 'signal', 'launcher'],
  ['foreground'],
  ['detach', 'spawn', 'stop', 'pidfile', 'privileges', 'relaunch'],
  ['daemonize', 'start'],
  ['index', 'launch', 'cli/*'],
]

const oneWay = tiers.flatMap((tier, i) => {
  const later = tiers.slice(i + 1).flat()
  if (later.length === 0) return []
  return [
    {
      files: tier.map((name) => `lib/${name}.ts`),
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: later.map((name) => ({
              group: [`./${name}.ts`],
              message: `${tier.join(', ')} come before ${name}: see "The house" in CONTRIBUTING.md.`,
            })),
          },
        ],
      },
    },
  ]
})

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
  { files: ['**/*.{js,mjs}'], languageOptions: { globals: globals.node } },
  ...oneWay,
)
