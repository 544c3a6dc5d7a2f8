// Chinese labels and the way numbers, times and deadlines are written.
import type { Role, Row } from './types'

export const ROLES: Record<Role, string> = { agent: '话务员', handler: '承办单位', supervisor: '班长', admin: '管理员' }

/** Queues in the order of a ticket's life, with the second key of `g …`. */
export const QUEUES = [
  { name: 'all', label: '全部', key: 'a' },
  { name: 'review', label: '待复核', key: 'r' },
  { name: 'supplement', label: '待补充', key: 'b' },
  { name: 'dispatch', label: '待派遣', key: 'd' },
  { name: 'sign', label: '待签收', key: 's' },
  { name: 'handling', label: '处置中', key: 'h' },
  { name: 'extension', label: '延期待批', key: 'e' },
  { name: 'followup', label: '待回访', key: 'f' },
  { name: 'supervise', label: '待督办', key: 'u' },
  { name: 'close', label: '已回访', key: 'c' },
  { name: 'overdue', label: '超期', key: 'o' },
  { name: 'closed', label: '已结案', key: 'z' },
] as const

export const FIELDS: Record<string, string> = {
  type: '类型', category: '分类', category_2: '分类', department: '承办单位', urgency: '紧急程度',
  emergency: '紧急险情', emergency_kind: '险情种类', phone: '电话', place: '地点', when: '发生时间', name: '姓名',
  subject: '对象', deadline: '时限', title: '标题', status: '状态', matter: '诉求', co: '协办单位',
}

export const EMERGENCIES: Record<string, string> = {
  fire: '火情', crime: '违法犯罪', medical: '伤病', traffic: '交通事故', gas: '燃气泄漏', danger: '险情',
}

export const OUTCOMES: Record<string, string> = { tickets: '已成单', transfer: '已转接', none: '未成单', unusable: '无法识别' }

export const LEGS: Record<string, string> = { caller: '市民', agent: '话务员', mixed: '通话' }

/** Below this a field must be looked at by a person. */
export const DOUBTFUL = 0.6

export type Tone = 'plain' | 'accent' | 'good' | 'warn' | 'bad'

const TONES: Record<string, Tone> = {
  待受理: 'accent', 待复核: 'warn', 待补充: 'warn', 已受理: 'accent', 待派遣: 'accent', 已派遣: 'accent',
  待签收: 'accent', 已签收: 'accent', 待处置: 'accent', 处置中: 'accent', 延期待批: 'warn', 已处置: 'good',
  待回访: 'accent', 已回访: 'good', 待督办: 'bad', 督办: 'bad', 超期: 'bad', 已退单: 'warn', 已结案: 'plain',
  已撤单: 'plain', 已并单: 'plain',
}

/** The colour of a status; the word always stands beside it. */
export const toneOf = (status: string): Tone => TONES[status] ?? 'plain'

const two = (n: number) => String(n).padStart(2, '0')

/** 3:07, or 1:02:07 for long calls. */
export function clock(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60]
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** 2 天 3 小时; at most two parts. */
export function duration(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000)
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  if (d) return h && d < 10 ? `${d} 天 ${h} 小时` : `${d} 天`
  if (h) return m && h < 10 ? `${h} 小时 ${m} 分` : `${h} 小时`
  return `${m} 分钟`
}

/** The wall clock of China, read with the UTC getters: one zone, and no summer time since 1992. Whatever the browser's zone. */
const wall = (at: Date | number) => new Date(Number(at) + 8 * 3_600_000)

/** 11-26 14:05 as clocks in China show it; with the year when it is another one. */
export function dateTime(at: string | null | undefined): string {
  if (!at) return ''
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return at
  const text = moment(date)
  return text.startsWith(day().slice(0, 5)) ? text.slice(5) : text
}

/** 2026-11-26, in China. */
export const day = (at: Date | number = Date.now()): string => wall(at).toISOString().slice(0, 10)

/** 2026-11-26 14:05, in China. */
export const moment = (at: Date | number): string => wall(at).toISOString().slice(0, 16).replace('T', ' ')

/** The day so many days after a day. */
export const dayAfter = (from: string, days: number): string => new Date(Date.parse(from) + days * 86_400_000).toISOString().slice(0, 10)

export function ago(at: string | null | undefined, now = Date.now()): string {
  if (!at) return ''
  const ms = now - new Date(at).getTime()
  return ms < 60_000 ? '刚刚' : `${duration(ms)}前`
}

/** Whether the clock never ran: it begins with dispatch. One that was refused was dispatched before. */
export const isUnsent = (row: Pick<Row, 'status' | 'paused' | 'refusals'>): boolean =>
  ['待复核', '待派遣', '待补充'].includes(row.status) && !row.paused && !row.refusals

/** "剩 2 天 3 小时", "超期 5 小时"; `tone` colours it, `title` says the day. */
export function deadline(row: Pick<Row, 'deadline' | 'due_soon' | 'status' | 'paused' | 'refusals'>, now = Date.now()): { text: string; tone: Tone | 'mute'; title: string } {
  if (isUnsent(row)) return { text: '派单后起算', tone: 'mute', title: `派单后才开始计时${row.deadline ? `；暂定 ${moment(new Date(row.deadline))}` : ''}` }
  if (!row.deadline) return { text: '', tone: 'plain', title: '' }
  const due = new Date(row.deadline)
  const title = `应于 ${moment(due)} 前办结`
  if (/已结案|已撤单|已并单|已处置|回访/.test(row.status)) return { text: dateTime(row.deadline), tone: 'plain', title }
  if (row.paused || row.status === '待补充') return { text: '计时暂停', tone: 'plain', title }
  const left = due.getTime() - now
  if (left < 0) return { text: `超期 ${duration(left)}`, tone: 'bad', title }
  return { text: `剩 ${duration(left)}`, tone: row.due_soon ? 'warn' : 'plain', title }
}

export const percent = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined || Number.isNaN(value) ? '—' : `${(value * 100).toFixed(digits)}%`

export function bytes(n: number): string {
  return n < 1024 * 1024 ? `${Math.max(1, Math.round(n / 1024))} KB` : `${(n / 1024 / 1024).toFixed(1)} MB`
}

/** 北京市 市辖区 海淀区 清河街道: only what tells places of one city apart. */
export const placeOf = (names: string[]): string => names.slice(1).filter((name) => name !== '市辖区' && name !== '县').join('')

/** A place as the address table knows it, or as it was said when the table does not. */
export const resolved = (place: { text: string; names: string[]; detail: string } | null): string =>
  (place && ((placeOf(place.names) && placeOf(place.names) + place.detail) || place.text)) || ''

/** Category and what lies below it: 环境保护 · 环境污染. */
export const categoryOf = (row: { category: string; category_2?: string | null }): string =>
  row.category_2 ? `${row.category} · ${row.category_2}` : row.category
