// The programs of docs/stopping.md, and that of a contained child in docs/spawning.md, are run as they stand there.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { node, start } from '../helpers/process.ts'

const programs = (page: string) =>
  [
    ...readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8').matchAll(
      /```js\n([^]*?)```/g,
    ),
  ].map(([, text = '']) => text)

async function output(program: string): Promise<string> {
  const { child, ended } = start(node, ['--input-type=module', '-e', program])
  let text = ''
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()))
  expect(await ended).toBe(0)
  return text
}

test('docs/stopping.md', async () => {
  const [contained = '', group = ''] = programs('stopping')
  expect(await output(contained)).toBe('gone\ngone 1\n')
  expect(await output(group)).toBe('gone true []\n')
})

test('docs/spawning.md, contained children', async () => {
  const program = programs('spawning').find((text) => text.includes('containedMembers')) ?? ''
  expect(await output(program)).toBe("[ 'sh', 'sleep', 'sleep' ]\ngone\n")
})
