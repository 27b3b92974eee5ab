/** What a key may do. `read` looks, `write` also makes and deletes, `admin` also manages its tenant's keys and sees the service's metrics. */
export const ROLES = ['read', 'write', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether a role may do what needs `needed`. */
export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** The role of that name; null for none. `user` is what `write` was called before, and stands in keys files still. */
export function roleOf(text: string): Role | null {
  return ROLES.find((role) => role === text) ?? (text === 'user' ? 'write' : null);
}
