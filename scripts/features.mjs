// dist/features.cjs: all of lib/ but the core, a function a file. index.cjs reads it as a text and compiles each function
// when it is first needed; for a bundler it is a module like any other.
import { createHash } from 'node:crypto'

/** Such a file as a function, which gives what the file exports: esbuild has put its imports first, its exports last. */
function asFunction(file, text) {
  let rest = text.trim()
  let body = ''
  for (;;) {
    const [all, names, from] = /^import\{([^}]*)\}from"([^"]+)";/.exec(rest) ?? []
    if (all === undefined) break
    const call = from.startsWith('node:') ? 'process.getBuiltinModule' : 'load'
    body += `const{${names.replaceAll(' as ', ':')}}=${call}("${from}");`
    rest = rest.slice(all.length)
  }
  const [all, names] = /export\{([^}]*)\};$/.exec(rest) ?? []
  if (all === undefined) throw new Error(`${file}: the exports don't stand at the end`)
  rest = rest.slice(0, -all.length)
  if (/^import\b|\b(import|require)\(/.test(rest)) {
    throw new Error(`${file}: imports or exports in another way`)
  }
  body += rest
  const exported = names.split(',').map((name) => name.split(' as ').reverse().join(':'))
  // The first parenthesis has V8 compile it at once, and not twice.
  return `(function(load){"use strict";${body}return{${exported}}})`
}

/** The texts by their files: all of them in one, and the digest that its first line has. */
export function joinFeatures(texts) {
  const places = {}
  let all = ''
  let line = 1
  for (const [file, text] of Object.entries(texts)) {
    const begin = `exports["${file}"]=`
    const feature = asFunction(file, text)
    const start = all.length + begin.length
    places[file] = [start, start + feature.length, line, begin.length]
    all += `${begin}${feature}\n`
    line += feature.split('\n').length
  }
  // Offsets are those of bytes and of characters.
  if (all.length !== Buffer.byteLength(all)) throw new Error('not all of it is ASCII')
  const digest = createHash('sha256').update(all).digest('hex')
  return {
    digest,
    text: `/*${digest}${JSON.stringify(places)}*/exports.digest="${digest}"\n${all}`,
  }
}

/** Code that gives `load`, by which a file of lib/ is found. The files of the core stand in `loaded`. */
export const loader = (digest) => `
import { readFileSync } from 'node:fs'
import { systemError } from './base/system-error.ts'
/** The text is read at import: later there may be no descriptor left, no right to read, or another version there. */
function readText() {
  try {
    const text = readFileSync(__dirname + '/features.cjs', 'utf8')
    if (text.startsWith('/*${digest}')) return text
  } catch {
    // In a bundle it is a part of the bundle.
  }
}
const text = readText()
let places
function compile(file) {
  const begin = text.indexOf('\\n') + 1
  places ??= JSON.parse(text.slice(text.indexOf('{'), text.indexOf('*/')))
  const [start, end, lineOffset, columnOffset] = places[file]
  const { Script } = process.getBuiltinModule('node:vm')
  const filename = __dirname + '/features.cjs'
  const source = text.slice(begin + start, begin + end)
  return new Script(source, { filename, lineOffset, columnOffset }).runInThisContext()
}
function bundled(file) {
  const features = require('./features.cjs')
  if (features.digest !== '${digest}') throw new Error('setsid was replaced by another version while it was loaded')
  return features[file]
}
// Where there is no addon, its error needs this before the rest of the core is there.
export const loaded = { __proto__: null, 'base/system-error.ts': { systemError } }
export const load = (file) =>
  loaded[file] ??= (text === undefined ? bundled(file) : compile(file))(load)
/** A function of such a file, which is compiled when it is first called. */
export const feature = (file, name) => {
  let found
  return { [name]: (...args) => (found ??= load(file))[name](...args) }[name]
}`
