// dist/features.cjs: all of lib/ but the core, a function a file. index.cjs reads it as a text and compiles each function
// when it is first needed; for a bundler it is a module like any other.
import { createHash } from 'node:crypto'

const pairs = (names) => names.split(',').map((name) => name.split(' as '))

/** What esbuild has made of a file: its imports come first, its exports last. */
function parse(file, text) {
  let rest = text.trim()
  const imports = []
  for (;;) {
    const [all, names, from] = /^import\{([^}]*)\}from"([^"]+)";/.exec(rest) ?? []
    if (all === undefined) break
    imports.push({ names: pairs(names), from })
    rest = rest.slice(all.length)
  }
  const [all, names] = /export\{([^}]*)\};$/.exec(rest) ?? []
  if (all === undefined) throw new Error(`${file}: the exports don't stand at the end`)
  const body = rest.slice(0, -all.length)
  if (/^import\b|\b(import|require)\(/.test(body)) {
    throw new Error(`${file}: imports or exports in another way`)
  }
  return { imports, body, exports: pairs(names) }
}

/** Whether what such a file exports is a function, its own or that of a file from which it comes. */
function exportsFunction(files, file, wanted) {
  if (file.startsWith('node:')) return false
  const { imports, body, exports } = files[file]
  const [own] = exports.find(([own, name = own]) => name === wanted) ?? []
  if (own === undefined) throw new Error(`${file} exports no ${wanted}`)
  for (const { names, from } of imports) {
    const passedOn = names.find(([name, local = name]) => local === own)
    if (passedOn !== undefined) return exportsFunction(files, from, passedOn[0])
  }
  const name = own.replaceAll('$', '\\$')
  const arrow = `[,\\s]${name}=(async ?)?([\\w$]+|\\([^()]*\\))=>`
  return new RegExp(`\\bfunction\\*? ?${name}\\(|${arrow}`).test(body)
}

/**
 * An import. Where all that comes from a file are functions, the first call of one loads the file, and what is there
 * takes its place: what a feature only needs at times is not compiled before. So an imported function is not the same
 * before and after its first call: it can't be compared, nor be a listener that is removed again.
 */
function importing({ names, from }, files, core) {
  const all = names.map((pair) => pair.join(':'))
  if (from.startsWith('node:')) return `const{${all}}=process.getBuiltinModule("${from}");`
  const isEager = core.includes(from) || names.some(([name]) => !exportsFunction(files, from, name))
  if (isEager) return `const{${all}}=load("${from}");`
  // No name of esbuild's is as long as `args`.
  const later = names.map(
    ([name, own = name]) => `${own}=(...args)=>(${own}=load("${from}").${name})(...args)`,
  )
  return `let ${later};`
}

/** A file as a function, which gives what the file exports. */
function asFunction({ imports, body, exports }, files, core) {
  const first = imports.map((each) => importing(each, files, core)).join('')
  const exported = exports.map((pair) => pair.toReversed().join(':'))
  // The first parenthesis has V8 compile it at once, and not twice.
  return `(function(load){"use strict";${first}${body}return{${exported}}})`
}

/** The texts by their files, but for those of the core: all of them in one, and the digest that its first line has. */
export function joinFeatures(texts, core) {
  const places = {}
  let all = ''
  let line = 1
  const files = Object.fromEntries(
    Object.entries(texts).map(([file, text]) => [file, parse(file, text)]),
  )
  for (const file of Object.keys(texts).filter((each) => !core.includes(each))) {
    const begin = `exports["${file}"]=`
    const feature = asFunction(files[file], files, core)
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
