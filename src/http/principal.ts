/** What a key may do. `read` looks, `user` also makes and deletes, `admin` also sees what is not one tenant's: the service's metrics. */
export const ROLES = ['read', 'user', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who asks. Everything a tenant made is invisible to every other. */
export interface Principal {
  tenant: string;
  role: Role;
}

/** The principal of every request to a server without keys, which only this machine can reach. */
export const LOCAL_PRINCIPAL: Principal = { tenant: 'default', role: 'admin' };

/** Whether a role may do what needs `needed`. */
export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
