/**
 * Faults in one file, a row each: what it breaks, the text, which is there once, the text in its place, and the tests
 * that have to notice, where these are others than `tests`. A test is `'folder/name'`, or `'folder/name: TITLE'`, a
 * regular expression for the titles that are enough; in a row all have one or none.
 */
export const faultsIn = (file, tests, rows) =>
  rows.map(([breaks, sound, fault, own = tests]) => ({
    ...{ file, breaks, sound, fault },
    tests: own.map((name) => {
      const [path, title] = name.split(/: (.*)/)
      return { file: `test/${path}.test.ts`, title }
    }),
  }))
