// A program that makes itself a daemon: app CONFIG, as JSON.
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const { launch, options, before, after, fault, says } = JSON.parse(process.argv[2])
if (launch) await import('setsid/launch')
const { daemonize } = await import('setsid')

setInterval(() => undefined, 1000)
await delay(before)
if (fault === 'early') throw new Error('no configuration')
const daemon = await daemonize({ ...options, waitForReady: true })
await delay(after)
if (fault === 'throw') throw new Error('no database')
if (fault === 'fail') daemon.fail(new Error('no licence'))
if (fault === 'exit') process.exit(3)
if (fault === 'none') daemon.ready()
// For a witness who asks whether what he sees is a daemon that is ready.
if (says !== undefined) writeFileSync(says, String(process.pid))
