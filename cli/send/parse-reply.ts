import { z } from 'zod';

const problemSchema = z.object({ code: z.string() });

/** The code of a problem document (RFC 9457); undefined for what is none. */
export function parseProblemCode(text: string): string | undefined {
  try {
    return problemSchema.safeParse(JSON.parse(text)).data?.code;
  } catch {
    return undefined;
  }
}
