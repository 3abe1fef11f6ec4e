/** An expected outcome as a value: what a `parseX` or `decideX` answers. Faults are thrown, rejections are returned. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function accept<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function reject<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
