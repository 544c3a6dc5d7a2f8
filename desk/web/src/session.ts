// Who is signed in, and the words of this city (types, categories, departments), loaded once.
import { computed, reactive, shallowRef } from 'vue'

import { api, onSessionLost, setCsrf } from './api'
import type { Me, Role, Vocabulary } from './types'

export const session = reactive<{ me: Me | null; asked: boolean }>({ me: null, asked: false })

/** Empty until loadVocabulary() has come back, so that templates need no null checks. */
export const vocabulary = shallowRef<Vocabulary>({
  types: [], urgencies: [], categories: [], statuses: [], departments: [], unsolved_reasons: [],
})

export const role = computed<Role | null>(() => session.me?.role ?? null)

/** Administrators may do what these may: a small hotline has one person for all. */
export const is = (...roles: Role[]): boolean => role.value !== null && (role.value === 'admin' || roles.includes(role.value))

export function signedIn(me: Me): void {
  session.me = me
  session.asked = true
  setCsrf(me.csrf)
  if (!me.must_set_password) void loadVocabulary()
}

export function forget(): void {
  session.me = null
  setCsrf('')
}

export async function loadVocabulary(): Promise<void> {
  try {
    vocabulary.value = await api.vocabulary()
  } catch {
    // The pages still show tickets; selects stay empty and the next sign-in tries again.
  }
}

/** Asks the server once who is signed in; the cookie itself cannot be read by scripts. */
export async function ensureSession(): Promise<Me | null> {
  if (!session.asked) {
    try {
      signedIn(await api.me())
    } catch {
      session.me = null
    }
    session.asked = true
  }
  return session.me
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut()
  } finally {
    forget()
  }
}

/** The page of a role after signing in. */
export function homeOf(role: Role): string {
  return role === 'supervisor' ? '/boards' : '/queue'
}

onSessionLost(() => {
  forget()
  const back = location.hash.slice(1) || '/'
  if (!back.startsWith('/sign-in') && !back.startsWith('/once')) {
    location.hash = `#/sign-in?back=${encodeURIComponent(back)}`
  }
})
