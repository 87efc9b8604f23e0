// The tables, in the order of the page.
import { table as calls } from './calls.ts'
import { table as command } from './command.ts'
import { table as daemonize } from './daemonize.ts'
import { table as detach } from './detach.ts'
import { table as imports } from './import.ts'
import { table as lists } from './lists.ts'
import { table as spawn } from './spawn.ts'
import { table as stop } from './stop.ts'
import { table as watch } from './watch.ts'

export const tables = [imports, daemonize, command, spawn, watch, stop, detach, calls, lists]
