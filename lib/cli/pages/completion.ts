import type { Page } from './page.ts'

export const completion: Page = {
  synopsis: 'bash|zsh|fish',
  summary: 'what makes a shell complete the words of sess',
  about: [
    'Prints a script for the shell: commands, options, and what they take, such as the terminals, processes and sessions that there are.',
  ],
  options: {
    values: {
      value: 'KIND',
      values: 'values',
      help: 'instead: what there is of a kind, for the scripts: pid, group, session or tty',
    },
  },
  operand: 'shell',
  notes: [
    'bash: in ~/.bashrc. zsh: in ~/.zshrc, behind compinit. fish: once; it reads the folder by itself.',
  ],
  exitCodes: [],
  examples: [
    'source <(sess completion bash)',
    'source <(sess completion zsh)',
    'sess completion fish > ~/.config/fish/completions/sess.fish',
  ],
}
