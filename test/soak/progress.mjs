/** Tells every ten seconds how far it is. */
export function progress(what, all, done) {
  const began = performance.now()
  const tell = () => {
    const seconds = Math.round((performance.now() - began) / 1000)
    console.error(`${what}: ${done()} of ${all}, ${seconds} s`)
  }
  const timer = setInterval(tell, 10_000)
  return {
    end() {
      clearInterval(timer)
      tell()
    },
  }
}
