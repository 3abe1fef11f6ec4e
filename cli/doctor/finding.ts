/** What doctor looks at. The names are for programs that read its result: they stay. */
export type CheckName =
  | 'settings'
  | 'binding'
  | 'redis'
  | 'redis-settings'
  | 'redis-clock'
  | 'shards'
  | 'leases'
  | 'backlog'
  | 'dead-letters'
  | 'database'
  | 'postgis'
  | 'migrations'
  | 'database-clock'
  | 'projection'
  | 'broker'
  | 'ingest';

/** In the words of the wire: it is printed as it is. */
export type Finding = { readonly check: CheckName; readonly found: string } & (
  | { readonly level: 'ok' }
  | {
      /** A warning wants to be looked at; a problem keeps the platform from its promises. */
      readonly level: 'warning' | 'problem';
      /** What to do. */
      readonly fix: string;
    }
);

export function ok(check: CheckName, found: string): Finding {
  return { check, level: 'ok', found };
}

export function warning(check: CheckName, found: string, fix: string): Finding {
  return { check, level: 'warning', found, fix };
}

export function problem(check: CheckName, found: string, fix: string): Finding {
  return { check, level: 'problem', found, fix };
}

export function isProblem({ level }: Finding): boolean {
  return level === 'problem';
}
