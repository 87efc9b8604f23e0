// What a Node of the soak does with children, in its own process: each gives what it has seen, for another to judge.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import * as setsid from 'setsid'
import { read, stat, within } from './witness.mjs'

const { containedMembers, exitOrStop, identify, run, spawn, watchChild } = setsid
const stdio = ['ignore', 'ignore', 'ignore']

const plainError = ({ name, code, reason, syscall, message }) => ({
  ...{ name, code, reason, syscall, message },
})

/** Calls a function of the package, by its name. */
async function tried(seen, name, ...args) {
  try {
    return await setsid[name](...args)
  } catch (error) {
    seen.errors.push({ call: name, ...plainError(error) })
    return undefined
  }
}

/** A child, and what came of its start. */
function start({ soakd, words, env, options }) {
  const seen = { errors: [] }
  const child = spawn(soakd, words, { stdio, env: { ...process.env, ...env }, ...options })
  const ended = new Promise((done) => {
    child.once('exit', (code, signal) => done({ code, signal }))
    child.once('error', (error) => {
      if (child.pid === undefined) seen.errors.push({ call: 'spawn', ...plainError(error) })
      done({})
    })
  })
  return { seen, child, ended }
}

const status = (pid, name) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(read(pid, 'status'))?.[1]

/** A child in its place, as the kernel shows it. */
async function place(plan) {
  const { seen, child, ended } = start(plan)
  const { pid } = child
  if (pid !== undefined) {
    seen.row = stat(pid)
    seen.umask = status(pid, 'Umask')
    seen.ignored = status(pid, 'SigIgn')
    seen.own = stat(process.pid)
    await delay(plan.linger)
    seen.stopped = await tried(seen, plan.stop, child, { grace: plan.grace })
  }
  seen.end = await ended
  return seen
}

async function contain(plan) {
  const { seen, child, ended } = start({ ...plan, options: { ...plan.options, contain: true } })
  if (child.pid !== undefined) {
    await delay(plan.linger)
    seen.members = containedMembers(child).map(({ pid }) => pid)
    const options = { grace: plan.grace }
    if (plan.end === 'leave') return seen
    if (plan.end === 'group') await tried(seen, 'stopGroup', child, options)
    if (plan.end === 'wait') {
      await ended
      await tried(seen, 'waitForContained', child, { timeout: 50 })
    }
    seen.stopped = await tried(seen, 'stopContained', child, options)
  }
  seen.end = await ended
  return seen
}

async function running({ soakd, words, env, options, abort }) {
  const seen = { errors: [] }
  const cancel = new AbortController()
  const timer = abort === undefined ? undefined : setTimeout(() => cancel.abort(), abort)
  const all = { ...options, env: { ...process.env, ...env }, signal: cancel.signal }
  try {
    const result = await run(soakd, words, all)
    const { stdout, stderr, survivors, stopped, ...rest } = result
    const pids = survivors.map(({ pid }) => pid)
    const outcome = stopped?.outcome
    seen.result = { ...rest, output: stdout.length, stderr, survivors: pids, stopped: outcome }
  } catch (error) {
    seen.errors.push({ call: 'run', ...plainError(error) })
  }
  clearTimeout(timer)
  return seen
}

async function watch(plan) {
  const { seen, child, ended } = start(plan)
  if (child.pid === undefined) return seen
  const told = []
  const watched = watchChild(child)
  watched.on('stop', (signal) => told.push(`stop ${signal}`)).on('continue', () => told.push('go'))
  await delay(plan.linger)
  const group = child.pid
  // The number is the child's own until Node has reaped it.
  const signal = async (name) => {
    if (child.exitCode === null && child.signalCode === null)
      await tried(seen, 'signalGroup', group, name)
  }
  const state = exitOrStop(child)
  await signal('SIGSTOP')
  // Somebody may continue it before anybody has seen the stop.
  seen.state = await Promise.race([state, delay(5000, 'late', { ref: false })])
  await signal('SIGCONT')
  const isAsKernel = () => (watched.stoppedBy !== null) === (stat(group)?.state === 'T')
  seen.agrees = (await within(5000, isAsKernel)) === true
  seen.stopped = await tried(seen, 'stopGroup', child, { grace: plan.grace })
  seen.end = await ended
  seen.last = watched.stoppedBy
  seen.told = told
  return seen
}

/** A child of a worker that has ended, with a signal for our own end. */
async function death({ soakd, words, env, options }) {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { soakd, words, env, options } = workerData
    const child = require('setsid').spawn(soakd, words, { stdio: 'ignore', env, ...options })
    child.on('error', ({ name, code, reason, syscall, message }) =>
      parentPort.postMessage({ error: { name, code, reason, syscall, message } }))
    child.unref()
    if (child.pid !== undefined) parentPort.postMessage({ pid: child.pid })`
  const workerData = { soakd, words, env: { ...process.env, ...env }, options }
  const worker = new Worker(code, { eval: true, workerData })
  const [{ pid, error }] = await once(worker, 'message')
  await worker.terminate()
  const errors = error === undefined ? [] : [{ call: 'spawn', ...error }]
  return { errors, pid, lives: pid !== undefined && stat(pid) !== undefined }
}

/** What this process has, when all that it did is over. */
async function look() {
  // What holds a child goes with the child.
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await delay(1)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const fds = readdirSync('/proc/self/fd').length
  const threads = readdirSync('/proc/self/task').length
  return { heap: heapUsed + external, rss, fds, threads, identity: identify() }
}

export const acts = { place, contain, running, watch, death, look }
