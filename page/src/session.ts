/** Who asks: a key that stays in this tab, and the client that carries it. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Client, createClient } from '../../clients/typescript/src/index.ts';

const STORED_AS = 'espalier.key';

export interface Session {
  client: Client;
  /** Empty where there is none. */
  key: string;
  /** Shows what went wrong, and asks for a key where one is missing. */
  fail(error: unknown): void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is no session around this component');
  return session;
}

/** The key of this tab; empty where there is none. */
export function storedKey(): string {
  return sessionStorage.getItem(STORED_AS) ?? '';
}

export function storeKey(key: string): void {
  if (key === '') sessionStorage.removeItem(STORED_AS);
  else sessionStorage.setItem(STORED_AS, key);
}

export function clientFor(key: string): Client {
  return createClient({ address: location.origin, ...(key === '' ? {} : { key }) });
}
