import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import GithubSlugger from 'github-slugger'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { toString } from 'mdast-util-to-string'
import { visit } from 'unist-util-visit'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A fenced block of a page. */
export interface Block {
  /** Where it stands: `docs/running.md:7`. */
  place: string
  language: string
  text: string
  /** The HTML comment right before it, which says how it is run: `run: …` or `not run: …`; else ''. */
  mark: string
}

export interface Page {
  path: string
  blocks: Block[]
  links: { place: string; target: string }[]
  /** What a link to a heading has after `#`. */
  anchors: string[]
}

/** A page of Markdown as GitHub reads it. */
export function readPage(path: string, text = readFileSync(root + path, 'utf8')): Page {
  const page: Page = { path, blocks: [], links: [], anchors: [] }
  const slugger = new GithubSlugger()
  let comment = { text: '', end: 0 }
  visit(fromMarkdown(text), (node) => {
    const line = node.position?.start.line ?? 0
    const place = `${path}:${line}`
    if (node.type === 'heading') page.anchors.push(slugger.slug(toString(node)))
    if (node.type === 'link' || node.type === 'image' || node.type === 'definition') {
      page.links.push({ place, target: node.url })
    }
    if (node.type === 'html') {
      const [, said = ''] = /^<!-- (.*) -->$/s.exec(node.value) ?? []
      comment = { text: said, end: node.position?.end.line ?? 0 }
    }
    if (node.type === 'code') {
      const isRight = line - comment.end <= 2
      const mark = isRight ? comment.text : ''
      page.blocks.push({ place, language: node.lang ?? '', text: `${node.value}\n`, mark })
    }
  })
  return page
}

/** What a user reads: README.md and the guides. */
export const guides = ['README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)]
  .filter((path) => path.endsWith('.md'))
  .map((path) => readPage(path))

/** All that is read, by contributors too. */
export const pages = [
  ...guides,
  ...['CONTRIBUTING.md', 'CHANGELOG.md', 'src/launcher/PROTOCOL.md', 'prebuilds/README.md'].map(
    (path) => readPage(path),
  ),
]
