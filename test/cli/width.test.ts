// How many columns a text takes, against a terminal that counts them.
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { columns, fit, pad, printable } from '../../lib/cli/picture.ts'
import { until } from '../helpers/process.ts'
import { has, need } from '../helpers/tools.ts'

const name = `setsid-width-${process.pid}`
const env = { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm' }
const tmux = (...args: string[]) =>
  spawnSync('tmux', ['-L', name, '-f', '/dev/null', ...args], { env, encoding: 'utf8' }).stdout

beforeAll(() => {
  if (has('tmux')) tmux('new-session', '-d', '-x', '80', '-y', '10', 'cat')
})
afterAll(() => {
  if (has('tmux')) tmux('kill-server')
})

describe('columns: as many as tmux counts', () => {
  test.each([
    ['plain', 'abc'],
    ['Chinese', '日本語'],
    ['full width', 'Ａ'],
    ['half width', 'ｱ'],
    ['Hangul', '한'],
    ['Hangul in parts', '\u1112\u1161\u11ab'],
    ['Hangul, old', '\ua960'],
    ['an accent', 'e\u0301'],
    ['Devanagari, whose mark has a column', 'कि'],
    ['Hebrew with a point', 'שׁ'],
    ['Thai', 'กำ'],
    ['Tangut', '\u{17000}'],
    ['Khitan', '\u{18b00}'],
    ['Nushu', '\u{1b170}'],
    ['Kana, old', '\u{1b000}'],
    ['Chinese of a later plane', '\u{20000}'],
    ['a squared word', '\u{1f200}'],
    ['emoji', '😀⌛👍🏽'],
    ['emoji that are joined', '👨‍👩‍👧'],
    ['a flag', '🇩🇪'],
    ['text that may be emoji', '☺'],
  ])('%s', async (_, given) => {
    need('tmux')
    const text = printable(given)
    tmux('respawn-pane', '-k', `printf %s '${text}'; exec sleep 100`)
    await until(() => Number(tmux('display-message', '-p', '#{cursor_x}')) === columns(text))
  })
})

test('fit and pad: to a column, also between wide characters', () => {
  expect(fit('日本語', 6)).toBe('日本語')
  expect(fit('日本語', 5)).toBe('日本…')
  expect(fit('日本語', 4)).toBe('日…')
  expect(fit('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…')
  expect(fit('abcdef', 4)).toBe('abc…')
  expect(columns(pad('日', 5))).toBe(5)
})
