// The only module that talks to the server. Every failure is a `Problem` whose words may be shown.
import type {
  Attachment, Beside, Board, Call, CallList, Change, ChecklistItem, Command, Department, DispatchRules, Knowledge,
  Look, Me, Models, NewTicket, Peaks, Person, PlaceHit, ProblemBody, Ticket, TicketList, Vocabulary,
} from './types'

export class Problem extends Error {
  readonly status: number
  /** What the user can do about it. */
  readonly remedy: string | null
  readonly body: ProblemBody

  constructor(body: ProblemBody) {
    super(body.detail || body.title)
    this.name = 'Problem'
    this.status = body.status
    this.remedy = body.remedy ?? null
    this.body = body
  }
}

let csrf = ''
let lost: () => void = () => {}

/** Called by session.ts: the token for unsafe methods, and what to do when the session is gone. */
export function setCsrf(token: string): void {
  csrf = token
}
export function onSessionLost(callback: () => void): void {
  lost = callback
}

export type Query = Record<string, string | number | boolean | null | undefined>

/** A URL below /api; empty values are left out. Also fit for href and src. */
export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return `/api${path}${text ? `?${text}` : ''}`
}

interface Options {
  method?: string
  query?: Query
  body?: unknown
  form?: FormData
  version?: number
  signal?: AbortSignal
}

export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const method = options.method ?? 'GET'
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf
  if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  const body = options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  let response: Response
  try {
    const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' }
    if (body !== undefined) init.body = body
    if (options.signal) init.signal = options.signal
    response = await fetch(url(path, options.query), init)
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Problem({
      type: 'about:blank', title: '连不上服务器', status: 0, detail: '连不上工单台服务。',
      remedy: '请检查网络；如服务刚重启，稍候几秒再试。您填写的内容还在。',
    })
  }
  if (!response.ok) {
    const problem = await readProblem(response)
    // A wrong password is also a 401, but there is no session to lose.
    if (response.status === 401 && !path.startsWith('/session')) lost()
    throw problem
  }
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

async function readProblem(response: Response): Promise<Problem> {
  const plain: Record<number, [string, string]> = {
    401: ['登录已失效。', '请重新登录。'],
    403: ['您没有权限做这一步。', '如工作需要，请联系管理员。'],
    404: ['没有找到。', '可能已被移走，请返回列表。'],
    413: ['文件太大。', '请压缩后再传。'],
    429: ['操作太频繁。', `请等 ${response.headers.get('Retry-After') ?? '几'} 秒再试。`],
  }
  const [detail, remedy] = plain[response.status] ?? ['服务器出错了。', '请再试一次；仍不行请把时间告诉管理员。']
  const fallback: ProblemBody = { type: 'about:blank', title: detail, status: response.status, detail, remedy }
  try {
    const body = (await response.json()) as Partial<ProblemBody>
    return new Problem({ ...fallback, ...body, status: response.status, remedy: body.remedy ?? plain[response.status]?.[1] ?? null })
  } catch {
    return new Problem(fallback)
  }
}

const get = <T>(path: string, query?: Query, signal?: AbortSignal) => {
  const options: Options = {}
  if (query) options.query = query
  if (signal) options.signal = signal
  return request<T>(path, options)
}
const post = <T>(path: string, body: unknown = {}) => request<T>(path, { method: 'POST', body })
const put = <T>(path: string, body: unknown) => request<T>(path, { method: 'PUT', body })
const seg = encodeURIComponent

export interface TicketQuery extends Query {
  queue?: string
  status?: string
  department?: string
  category?: string
  type?: string
  urgency?: string
  q?: string
  caller?: string
  place?: string
  from?: string
  to?: string
  confidence_below?: number
  overdue?: boolean
  hour?: string | number
  sort?: string
  limit?: number
  cursor?: string
}

export const api = {
  // Session
  signIn: (login: string, password: string) => post<Me>('/session', { login, password }),
  signInOnce: (token: string) => post<Me>('/session/once', { token }),
  signOut: () => request<void>('/session', { method: 'DELETE' }),
  me: () => get<Me>('/me'),
  setPassword: (next: string, old?: string) => put<void>('/me/password', old ? { old, new: next } : { new: next }),

  // Words
  vocabulary: () => get<Vocabulary>('/vocabulary'),
  places: (q: string, signal?: AbortSignal) => get<PlaceHit[]>('/places', { q }, signal),
  knowledge: (q: string) => get<Knowledge[]>('/knowledge', { q }),
  checklist: () => get<ChecklistItem[]>('/checklist'),

  // Tickets
  tickets: (query: TicketQuery, signal?: AbortSignal) => get<TicketList>('/tickets', query, signal),
  ticket: (id: string) => get<Ticket>(`/tickets/${seg(id)}`),
  beside: (id: string) => get<Beside>(`/tickets/${seg(id)}/beside`),
  createTicket: (ticket: NewTicket) => post<Ticket>('/tickets', ticket),
  command: (id: string, version: number, ...commands: Command[]) =>
    request<Ticket>(`/tickets/${seg(id)}/commands`, {
      method: 'POST', version, body: commands.length === 1 ? commands[0] : { commands },
    }),
  reveal: (id: string, why: string) =>
    post<{ phone: string | null; name: string | null }>(`/tickets/${seg(id)}/reveal`, { why }),
  attach: (id: string, file: File) => {
    const form = new FormData()
    form.set('file', file)
    return request<Ticket>(`/tickets/${seg(id)}/attachments`, { method: 'POST', form })
  },
  attachmentUrl: (id: string, attachment: Attachment) => url(`/tickets/${seg(id)}/attachments/${attachment.n}`),

  // Calls. `redact` false needs `why`, which the server records.
  calls: (query: Query, signal?: AbortSignal) => get<CallList>('/calls', query, signal),
  call: (sha256: string, redact = true, why = '') => get<Call>(`/calls/${seg(sha256)}`, { redact, why }),
  peaks: (sha256: string, redact = true) => get<Peaks>(`/calls/${seg(sha256)}/peaks`, { redact }),
  soundUrl: (sha256: string, redact = true, why = '') => url(`/calls/${seg(sha256)}/sound`, { redact, why }),
  exportUrl: (sha256: string, form: 'vtt' | 'srt' | 'json' | 'sound', redact = true) =>
    url(`/calls/${seg(sha256)}/export`, { form, redact }),
  mark: (sha256: string, at_ms: number, text: string) => post<Call>(`/calls/${seg(sha256)}/marks`, { at_ms, text }),
  score: (sha256: string, items: Record<string, number>, comment: string) =>
    post<Call>(`/calls/${seg(sha256)}/scores`, { items, comment }),
  upload: (file: File, particulars: { started_at?: string; caller?: string; legs?: string } = {}) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(particulars)) if (value) form.set(name, value)
    form.set('file', file)
    return request<{ job: string }>('/recordings', { method: 'POST', form })
  },

  // Boards
  boards: (query: { from?: string; to?: string; department?: string }) => get<Board>('/boards', query),

  // Administrator
  departments: () => get<Department[]>('/departments'),
  putDepartment: (name: string, department: Department) => put<Department>(`/departments/${seg(name)}`, department),
  history: (of: 'departments' | 'dispatch' | 'people' | 'models') => get<Change[]>('/history', { of }),
  rules: () => get<DispatchRules>('/dispatch-rules'),
  putRules: (rules: DispatchRules) => put<DispatchRules>('/dispatch-rules', rules),
  people: () => get<Person[]>('/people'),
  addPerson: (person: { login: string; name: string; role: string; department?: string | null }) =>
    post<Person>('/people', person),
  putPerson: (login: string, person: { name: string; role: string; department: string | null; active: boolean }) =>
    put<Person>(`/people/${seg(login)}`, person),
  newLink: (login: string) => post<{ link: string }>(`/people/${seg(login)}/link`),
  models: () => get<Models>('/models'),
  useModel: (name: string) => post<Models>('/models/use', { name }),
  looks: (query: { call?: string; by?: string; from?: string; to?: string; cursor?: string }) => get<Look[]>('/looks', query),
}
