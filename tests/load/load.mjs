// Measures a desk under load: pages on a store as large as a city's, live updates with many
// consoles, many agents at few tickets. Node alone, no packages.
//   load.mjs ADDRESS TOKEN [--seconds 60] [--consoles 200] [--agents 50]
// ADDRESS and TOKEN are what `hotline serve --link` printed: http://HOST:PORT and the end of its link.
import http from 'node:http'

const [address, token] = process.argv.slice(2)
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const SECONDS = option('seconds', 60)
const CONSOLES = option('consoles', 200)
const AGENTS = option('agents', 50)
const TICKETS = 20
const base = new URL(address)
const agent = new http.Agent({ keepAlive: true, maxSockets: 400 })
const session = { cookie: '', csrf: '' }

function ask(method, path, body, more = {}) {
  return new Promise((resolve, reject) => {
    const headers = { host: base.host, cookie: session.cookie, ...more }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (method !== 'GET') headers['x-csrf-token'] = session.csrf
    const began = performance.now()
    const request = http.request({ agent, method, path, host: base.hostname, port: base.port, headers }, (response) => {
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString(), ms: performance.now() - began }))
    })
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function must(method, path, body, more) {
  const answer = await ask(method, path, body, more)
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
  return { ...answer, json: answer.text ? JSON.parse(answer.text) : null }
}

const share = (values, part) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]
const row = (name, values, bar) => console.log(`${name.padEnd(44)} ${String(values.length).padStart(6)} ${share(values, 0.5).toFixed(1).padStart(9)} ${share(values, 0.95).toFixed(1).padStart(9)} ${share(values, 1).toFixed(1).padStart(9)}   ${bar}`)

async function enter() {
  const answer = await must('POST', '/api/session/once', { token })
  session.cookie = answer.headers['set-cookie'][0].split(';')[0]
  session.csrf = answer.json.csrf
  await must('PUT', '/api/me/password', { new: `load ${Math.random()}` })
}

async function pages() {
  const words = ['拖欠工资', '噪音', '夜间施工', '公积金', '电梯', 'wangjing', '路灯不亮', '13', '望井', '没有水 投诉']
  const paths = {
    'queue: all, by deadline': () => '/api/tickets?queue=all&limit=50',
    'queue: review, newest': () => '/api/tickets?queue=review&sort=newest&limit=50',
    'queue: overdue of a category': () => '/api/tickets?queue=overdue&category=' + encodeURIComponent('环境保护'),
    'tickets by words': (n) => '/api/tickets?q=' + encodeURIComponent(words[n % words.length]),
    'calls by words': (n) => '/api/calls?q=' + encodeURIComponent(words[n % words.length]),
    'boards, 30 days': () => '/api/boards',
  }
  for (const [name, path] of Object.entries(paths)) {
    const times = []
    for (let n = 0; n < 60; n++) times.push((await must('GET', path(n))).ms)
    row(name, times, 'p95 ≤ 150 ms')
  }
  const { json } = await must('GET', '/api/tickets?limit=200&sort=newest')
  const times = []
  for (const one of json.items.slice(0, 60)) times.push((await must('GET', `/api/tickets/${one.id}`)).ms)
  row('one ticket', times, '')
}

/** Consoles listen; a ticket is opened by hand again and again; how long until each console has it. */
async function live() {
  const seen = new Map()
  const times = []
  const open = () => new Promise((resolve, reject) => {
    const request = http.request({ path: '/api/events', host: base.hostname, port: base.port, headers: { host: base.host, cookie: session.cookie, accept: 'text/event-stream' } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
        let end
        while ((end = text.indexOf('\n\n')) >= 0) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          const title = /"title":"(load-\d+)"/.exec(block)
          if (title && seen.has(title[1])) times.push(performance.now() - seen.get(title[1]))
        }
      })
      response.on('error', () => {})
      resolve(request)
    })
    request.on('error', reject)
    request.end()
  })
  const consoles = []
  for (let n = 0; n < CONSOLES; n++) consoles.push(await open())
  for (let n = 0; n < 20; n++) {
    const title = `load-${n}`
    seen.set(title, performance.now())
    await must('POST', '/api/tickets', { type: '求助', category: '民政', title })
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  for (const one of consoles) one.destroy()
  row(`new ticket to ${CONSOLES} consoles, its writing included`, times, `p95 ≤ 300 ms, ${20 * CONSOLES - times.length} missed`)
}

/** Everybody edits the same tickets; every edit that was accepted must be there, once. */
async function edits() {
  const ids = []
  for (let n = 0; n < TICKETS; n++) ids.push((await must('POST', '/api/tickets', { type: '求助', category: '民政', title: `edit-${n}` })).json.id)
  const until = performance.now() + SECONDS * 1000
  const accepted = new Map(ids.map((id) => [id, []]))
  const times = []
  let stale = 0
  let unexplained = 0
  const person = async (who) => {
    for (let n = 0; performance.now() < until; n++) {
      const id = ids[(who * 7 + n) % ids.length]
      const { json } = await must('GET', `/api/tickets/${id}`)
      const text = `${who}-${n}`
      const answer = await ask('POST', `/api/tickets/${id}/commands`, { command: 'note', text }, { 'if-match': `"${json.version}"` })
      times.push(answer.ms)
      if (answer.status === 200) accepted.get(id).push(text)
      else if (answer.status === 412 && JSON.parse(answer.text).current.version > json.version) stale++
      else unexplained++
    }
  }
  await Promise.all(Array.from({ length: AGENTS }, (_, who) => person(who)))
  let lost = 0
  let count = 0
  for (const [id, texts] of accepted) {
    const { json } = await must('GET', `/api/tickets/${id}`)
    const noted = json.history.filter((event) => event.event === 'noted').map((event) => event.why).sort()
    const mine = texts.sort()
    count += mine.length
    if (noted.length !== mine.length || noted.some((text, at) => text !== mine[at])) lost++
  }
  row(`${AGENTS} agents at ${TICKETS} tickets for ${SECONDS} s`, times, `${count} accepted, ${stale} stale and explained, ${unexplained} unexplained, ${lost} tickets with a lost update`)
  if (lost + unexplained > 0) process.exitCode = 1
}

console.log(`${'milliseconds'.padEnd(44)} ${'times'.padStart(6)} ${'median'.padStart(9)} ${'p95'.padStart(9)} ${'worst'.padStart(9)}   bar`)
await enter()
await pages()
await live()
await edits()
process.exit()
