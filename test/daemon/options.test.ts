import { describe, expect, test } from 'vitest'
import { runFixture } from '../helpers/process.ts'

const refusal = (call: string, options: string | object) =>
  runFixture('options.mjs', [call, typeof options === 'string' ? options : JSON.stringify(options)])

describe.for(['detach', 'detachSync', 'daemonize'])('%s', (call) => {
  test('an unknown name is an error that lists the known ones', async () => {
    expect(await refusal(call, 'unknown')).toMatchObject({
      ...{ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' },
      message: expect.stringMatching(
        /'options.ignoreHangups' is not an option; there are: cwd, umask, stdin, .*Received true/,
      ),
    })
  })

  test('an inherited property is no option', async () => {
    expect(await refusal(call, 'inherited')).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringMatching(/"options.wait"/),
    })
  })

  test('a getter is read once', async () => {
    expect(await refusal(call, 'getter')).toMatchObject({ code: 'ERR_OUT_OF_RANGE', reads: 1 })
  })
})

test.each([
  [{ pidFile: 1 }, 'ERR_INVALID_ARG_TYPE', /"options.pidFile"/],
  [{ user: null }, 'ERR_INVALID_ARG_TYPE', /"options.user"/],
  [{ user: 'no such user' }, 'ERR_UNKNOWN_CREDENTIAL', /no such user/],
  [{ waitForReady: 'yes' }, 'ERR_INVALID_ARG_TYPE', /"options.waitForReady"/],
  [{ readyTimeout: 0 }, 'ERR_OUT_OF_RANGE', /"options.readyTimeout"/],
  [{ strategy: 'fork' }, 'ERR_INVALID_ARG_VALUE', /'auto', 'launcher', 'restart'/],
  [{ exitCode: 256 }, 'ERR_OUT_OF_RANGE', />= 0 && <= 255/],
  [{ name: '' }, 'ERR_INVALID_ARG_VALUE', /'options.name' must not be empty/],
])('daemonize: %j is refused with %s', async (options, code, message) => {
  expect(await refusal('daemonize', options)).toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
})
