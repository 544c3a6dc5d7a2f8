// Hash routes, so that the server need only serve one page. Each page is its own chunk.
import { createRouter, createWebHashHistory } from 'vue-router'

import { ensureSession, homeOf } from './session'
import type { Role } from './types'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    /** May be seen without a session. */
    open?: boolean
    /** Who sees it; all roles if absent. */
    roles?: Role[]
  }
}

const all: Role[] = ['supervisor', 'admin']

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', component: { render: () => null } },
    { path: '/sign-in', component: () => import('./pages/SignIn.vue'), meta: { title: '登录', open: true } },
    { path: '/once/:token', component: () => import('./pages/SignIn.vue'), meta: { title: '设置密码', open: true } },
    { path: '/queue/:queue?', component: () => import('./pages/Queue.vue'), meta: { title: '工单' } },
    { path: '/ticket/:id', component: () => import('./pages/Ticket.vue'), meta: { title: '工单' } },

    // The supervisor's and the administrator's.
    { path: '/calls', component: () => import('./pages/supervisor/CallSearch.vue'), meta: { title: '通话', roles: ['agent', 'supervisor', 'admin'] } },
    { path: '/call/:sha256', component: () => import('./pages/supervisor/Replay.vue'), meta: { title: '回放' } },
    { path: '/boards', component: () => import('./pages/supervisor/Boards.vue'), meta: { title: '看板', roles: all } },
    { path: '/departments', component: () => import('./pages/admin/Departments.vue'), meta: { title: '承办单位', roles: all } },
    { path: '/rules', component: () => import('./pages/admin/DispatchRules.vue'), meta: { title: '派单规则', roles: all } },
    { path: '/people', component: () => import('./pages/admin/People.vue'), meta: { title: '人员', roles: ['admin'] } },
    { path: '/models', component: () => import('./pages/admin/Models.vue'), meta: { title: '模型', roles: ['admin'] } },
    { path: '/looks', component: () => import('./pages/admin/History.vue'), meta: { title: '操作记录', roles: all } },
    { path: '/:rest(.*)*', component: () => import('./pages/NotFound.vue'), meta: { title: '没有这一页' } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const me = await ensureSession()
  if (!me) return { path: '/sign-in', query: to.path === '/' ? {} : { back: to.fullPath } }
  if (me.must_set_password) return { path: '/sign-in', query: { back: to.fullPath } }
  if (to.path === '/' || (to.meta.roles && !to.meta.roles.includes(me.role))) return homeOf(me.role)
  return true
})

router.afterEach((to) => {
  document.title = to.meta.title ? `${to.meta.title} · 12345 工单台` : '12345 工单台'
})
