/**
 * Every device's key is imported then, and the compiler is at work for about 8 s of load, on the cores that are measured: what
 * is measured right after the start is the compiler.
 */
export const WARM_UP_MS = 10_000;
