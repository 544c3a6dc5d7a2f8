// What the tests share: a browser, people with accounts, and pages that are watched for errors.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { chromium } from 'playwright-core'

export const BASE = process.env.HOTLINE_ADDRESS
export const LINK = process.env.HOTLINE_LINK
export const PASSWORD = 'correct horse 12'
/** The department of 赵承办; 钱承办 is of another. */
export const OURS = '区城市管理委员会'
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const DIST = `${ROOT}desk/web/dist/`
export const recording = (name) => `${ROOT}audio-fixtures/${name}.flac`
const SHOTS = `${ROOT}target/browser/`
mkdirSync(SHOTS, { recursive: true })

const PEOPLE = {
  agent: ['李话务', 'agent'], agent2: ['王话务', 'agent'], super: ['陈班长', 'supervisor'],
  handler: ['赵承办', 'handler', OURS], outsider: ['钱承办', 'handler', '区水务局'],
}
export const nameOf = (login) => PEOPLE[login]?.[0] ?? '管理员'

/** The API as somebody, without a browser: for what a test only needs to be there. */
export class Client {
  async enter(path, body) {
    const response = await fetch(`${BASE}/api${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
    if (!response.ok) return false
    this.cookie = response.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')
    this.csrf = (await response.json()).csrf
    return true
  }
  async send(method, path, body, headers = {}) {
    const response = await fetch(`${BASE}/api${path}`, {
      method, headers: { Cookie: this.cookie, 'X-CSRF-Token': this.csrf, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
      body: body && JSON.stringify(body),
    })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return text ? JSON.parse(text) : null
  }
  get = (path) => this.send('GET', path)
  post = (path, body, headers) => this.send('POST', path, body, headers)
  command = (ticket, command) => this.post(`/tickets/${ticket.id}/commands`, command, { 'If-Match': `"${ticket.version}"` })
}

async function firstPassword(token) {
  const client = new Client()
  assert.ok(await client.enter('/session/once', { token }), 'the one-time link works')
  await client.send('PUT', '/me/password', { new: PASSWORD })
}
export async function client(login) {
  const one = new Client()
  if (await one.enter('/session', { login, password: PASSWORD })) return one
  if (login === 'admin') await firstPassword(LINK.split('/once/')[1])
  else {
    const [name, role, department] = PEOPLE[login]
    const made = await (await client('admin')).post('/people', { login, name, role, department })
    await firstPassword(made.link)
  }
  assert.ok(await one.enter('/session', { login, password: PASSWORD }))
  return one
}
export const handmade = async (by, more = {}) => by.post('/tickets', {
  type: '投诉', category: '城乡建设', urgency: '一般', title: '望京西园三区路灯不亮', description: '三号楼前的路灯坏了一周。', place: '朝阳区望京街道', department: OURS, dispatch: false, ...more,
})

let browser
async function launch() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  return browser
}
after(() => browser?.close())

/** A page of somebody's own browser. `expected`: HTTP errors that belong to the test. */
async function open(pages, login, { width = 1366, height = 768, expected = [], timezoneId = 'Asia/Shanghai' } = {}) {
  if (login) await client(login)
  const context = await (await launch()).newContext({ viewport: { width, height }, locale: 'en-US', timezoneId })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const faults = []
  pages.push({ page, faults, login })
  await context.addInitScript(() => {
    window.__ran = []
    document.addEventListener('securitypolicyviolation', (event) => window.__ran.push(`${event.violatedDirective} ${event.blockedURI}`))
  })
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    if (!expected.some((code) => message.text().includes(`status of ${code}`))) faults.push(`console: ${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => faults.push(`script: ${error.stack}`))
  context.on('request', (request) => {
    if (!request.url().startsWith(`${BASE}/`) && !/^(data|blob):/.test(request.url())) faults.push(`elsewhere: ${request.url()}`)
  })
  if (login) assert.ok((await context.request.post(`${BASE}/api/session`, { data: { login, password: PASSWORD } })).ok())
  return page
}

/** A test that ends with a picture of each of its pages, and fails when one of them had an error. */
export function check(name, body) {
  test(name, { timeout: 180_000 }, async () => {
    const pages = []
    let failure
    try {
      await body((login, options) => open(pages, login, options))
    } catch (error) {
      failure = error
    }
    const faults = []
    for (const [at, { page, faults: own, login }] of pages.entries()) {
      own.push(...(await page.evaluate(() => window.__ran ?? []).catch(() => [])).map((one) => `ran or refused: ${one}`))
      await page.screenshot({ path: `${SHOTS}${name.replace(/[^a-z0-9]+/gi, '-')}-${at + 1}-${login ?? 'nobody'}.png` }).catch(() => {})
      await page.context().close()
      faults.push(...own.map((fault) => `${login}: ${fault}`))
    }
    if (failure) throw faults.length ? new Error(`${failure.message}\n${faults.join('\n')}`, { cause: failure }) : failure
    assert.deepEqual(faults, [])
  })
}

export const at = (name) => `[data-test="${name}"]`
export const visit = (page, path) => page.goto(`${BASE}/#${path}`)

/** Asks again and again until the answer is true, and gives it. */
export async function until(what, ask, ms = 20_000) {
  const end = Date.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** Picks from a list that opens: types into it and takes what is called so. */
export async function choose(page, label, text, within = page) {
  const box = within.getByRole('combobox', { name: label, exact: true })
  await box.click()
  await box.fill(text)
  await page.getByRole('option', { name: text, exact: true }).click()
}

export const ticketPage = {
  open: async (page, id) => {
    await visit(page, `/ticket/${id}`)
    await page.locator(at('fields')).waitFor()
  },
  status: (page, status) => page.locator(`${at('status')}[data-status="${status}"]`).waitFor(),
  field: (page, name) => page.locator(`[data-field="${name}"]`),
  move: async (page, command) => {
    const shown = page.locator(`${at('actions')} > button[data-move="${command}"]`)
    const more = page.locator(at('more-moves'))
    await shown.or(more).first().waitFor()
    if (await shown.count()) return shown.click()
    await more.click()
    await page.locator(`.el-dropdown-menu [data-move="${command}"]`).click()
  },
  /** Does what needs a form. `fill` puts the answers in. */
  act: async (page, command, fill = async () => {}) => {
    await ticketPage.move(page, command)
    const dialog = page.locator(at(`dialog-${command}`))
    await dialog.waitFor()
    await fill(dialog)
    await dialog.locator(at('send')).click()
    await dialog.waitFor({ state: 'hidden' })
  },
  dispatch: (page, department) => ticketPage.act(page, 'dispatch', async (dialog) => {
    const offered = dialog.locator('label.choice', { hasText: department }).first()
    if (await offered.count()) return offered.click()
    await dialog.locator(at('to-other')).check()
    await choose(page, '其他承办单位', department, dialog)
  }),
  history: (page, text) => page.locator(at('history')).getByText(text).first().waitFor(),
}
