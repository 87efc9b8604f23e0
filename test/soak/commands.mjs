// Those who start and stop, and the hunter that goes for them and theirs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
export const sess = path('../../bin/sess')
export const app = path('app.mjs')

/** Entries of an environment by which the processes of an operation are known. */
export const markOf = (name) => `SETSID_SOAK=${name}.`
export const environment = (name) => ({ ...process.env, SETSID_SOAK: `${name}.` })

/** Starts a program of the soak's own, also where no number is free at this moment. */
export async function begin(file, args, options) {
  for (;;) {
    const child = spawn(file, args, options)
    if (child.pid !== undefined) return child
    const [error] = await once(child, 'error')
    if (error.code !== 'EAGAIN') throw error
    await delay(50)
  }
}

/** Runs a command until it has ended; its pipe may live longer. */
export async function command(name, [file, ...args], onPid) {
  const stdio = ['ignore', 'ignore', 'pipe']
  const child = await begin(file, args, { env: environment(name), stdio })
  onPid(child.pid)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const [code, signal] = await once(child, 'exit')
  // What was written is here by then, and a late event loop reads it after its timers.
  await Promise.race([once(child.stderr, 'close'), delay(50)])
  await immediate()
  await immediate()
  child.stderr.destroy()
  return { code, signal, stderr }
}

/** A Node that calls the library, and that may be killed: the next call then has a new one. */
export class Starter {
  #name
  #onPid
  #before
  #child
  /** Takes the answer of the call that runs. */
  #answer = () => undefined
  /** `before`: words of a command that becomes the Node. */
  constructor(name, onPid, before = []) {
    this.#name = name
    this.#onPid = onPid
    this.#before = before
  }

  get mark() {
    return markOf(this.#name)
  }

  /** `{ value }`, `{ error }`, or `{ killed }` for a Node that has ended. */
  async call(name, ...args) {
    this.#child ??= await this.#start()
    return new Promise((answer) => {
      this.#answer = answer
      this.#child.stdin.write(`${JSON.stringify({ call: name, args })}\n`)
    })
  }

  async #start() {
    const node = [process.execPath, '--expose-gc', path('starter.mjs')]
    const [file, ...args] = [...this.#before, ...node]
    const child = await begin(file, args, {
      env: environment(this.#name),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin.on('error', () => undefined)
    child.once('exit', (code, signal) => {
      this.#onPid(child.pid)
      this.#child = undefined
      this.#answer({ killed: signal ?? code })
    })
    createInterface(child.stdout).on('line', (line) => this.#answer(JSON.parse(line)))
    return child
  }

  /** Lets it go to its end, or kills it. */
  async end(signal) {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    if (signal === undefined) child.stdin.end()
    else child.kill(signal)
    await ended
  }
}

/** Goes for those with one of these marks; `end()` continues what it has stopped, and gives what it has shot. */
export function hunt(program, seed, shots, marks, onShot) {
  const shot = []
  /** Who waits for the number of hits, in their order. */
  const waiting = []
  const words = [String(seed), String(shots), ...marks]
  const begun = begin(program, words, { stdio: ['pipe', 'pipe', 'inherit'] }).then((child) => {
    child.stdin.on('error', () => undefined)
    createInterface(child.stdout).on('line', (line) => {
      const told = JSON.parse(line)
      if ('hits' in told) return waiting.shift()(told.hits)
      shot.push(told)
      onShot(told)
    })
    return { child, closed: once(child, 'close') }
  })
  return {
    shot,
    /** Of a hunter that shoots when it is told (`shots` is -1): how many of these roles were hit. */
    async shoot(roles, signal) {
      const { child } = await begun
      const answer = new Promise((done) => waiting.push(done))
      child.stdin.write(`${roles} ${signal}\n`)
      return answer
    },
    async end() {
      const { child, closed } = await begun
      child.stdin.end()
      await closed
    },
  }
}

/** The exit code of a hunter that looks for all with this mark, or kills them (`0`). */
async function huntAll(program, what, mark) {
  const hunter = await begin(program, ['0', what, mark], { stdio: 'inherit' })
  const [code] = await once(hunter, 'close')
  return code
}

/** Whether nobody with this mark lives: `livesOf()` may miss one that hands over while it looks. */
export async function isEmpty(program, mark) {
  const code = await huntAll(program, 'look', mark)
  if (code !== 0 && code !== 1) throw new Error(`the hunter ended with ${code}`)
  return code === 0
}

/** Ends all with this mark. */
export async function killAll(program, mark) {
  const code = await huntAll(program, '0', mark)
  if (code !== 0) throw new Error(`the hunter ended with ${code}`)
}
