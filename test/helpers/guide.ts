// The files of docs/systemd.md. Each block says its name in its first comment.
import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/systemd.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/```(?:ini|js|sh)\n((?:#!.*\n)?(?:#|\/\/) (\S+)\n[^]*?)```/g)]
const all = blocks.map(([, text = '', name = '']) => [name, text] as const)

/** What can be added to any of them. */
export const hardened = new Map(all).get('hardened.conf') ?? ''

/** Units by their names; that of a user by its path. */
export const units = new Map(all.filter(([name]) => name.endsWith('.service')))

/** Programs by their paths. */
export const programs = new Map(all.filter(([name]) => name.startsWith('/')))
