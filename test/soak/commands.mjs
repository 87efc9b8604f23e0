// Those who start and stop, and the hunter that goes for them and theirs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
export const sess = path('../../bin/sess')
export const app = path('app.mjs')

/** Entries of an environment by which the processes of an operation are known. */
export const markOf = (name) => `SETSID_SOAK=${name}.`
export const environment = (name) => ({ ...process.env, SETSID_SOAK: `${name}.` })

/** Runs a command until it has ended; its pipe may live longer. */
export async function command(name, [file, ...args], onPid) {
  const child = spawn(file, args, { env: environment(name), stdio: ['ignore', 'ignore', 'pipe'] })
  onPid(child.pid)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const [code, signal] = await once(child, 'exit')
  // What was written is here by then.
  await Promise.race([once(child.stderr, 'close'), delay(50)])
  child.stderr.destroy()
  return { code, signal, stderr }
}

/** A Node that calls the library, and that may be killed: the next call then has a new one. */
export class Starter {
  #name
  #onPid
  #child
  /** Takes the answer of the call that runs. */
  #answer = () => undefined
  constructor(name, onPid) {
    this.#name = name
    this.#onPid = onPid
  }

  get mark() {
    return markOf(this.#name)
  }

  /** `{ value }`, `{ error }`, or `{ killed }` for a Node that has ended. */
  call(name, ...args) {
    this.#child ??= this.#start()
    return new Promise((answer) => {
      this.#answer = answer
      this.#child.stdin.write(`${JSON.stringify({ call: name, args })}\n`)
    })
  }

  #start() {
    const child = spawn(process.execPath, [path('starter.mjs')], {
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

  async end() {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.stdin.end()
    await ended
  }
}

/** Goes for those with one of these marks; `end()` continues what it has stopped, and gives what it has shot. */
export function hunt(program, seed, shots, marks, onShot) {
  const shot = []
  const child = spawn(program, [String(seed), String(shots), ...marks], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.on('error', () => undefined)
  createInterface(child.stdout).on('line', (line) => {
    const told = JSON.parse(line)
    shot.push(told)
    onShot(told)
  })
  const closed = once(child, 'close')
  return {
    shot,
    async end() {
      child.stdin.end()
      await closed
    },
  }
}

/** Ends all with this mark. */
export async function killAll(program, mark) {
  await once(spawn(program, ['0', '0', mark], { stdio: 'inherit' }), 'close')
}
