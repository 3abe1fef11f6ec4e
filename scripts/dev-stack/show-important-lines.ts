import { z } from 'zod';

/** Level 40 is a warning. */
const WARNING = 40;

const logRecordSchema = z.object({
  level: z.number(),
  msg: z.string().default(''),
  err: z.object({ message: z.string() }).optional(),
});

function parseLogRecord(line: string): z.infer<typeof logRecordSchema> | undefined {
  try {
    return logRecordSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Warnings and errors of a service, and whatever it writes that is no log record, go to our standard error. */
export function showImportantLines(name: string): (line: string) => void {
  return (line) => {
    const record = parseLogRecord(line);
    if (record === undefined) console.error(`[${name}] ${line}`);
    else if (record.level >= WARNING) {
      console.error(`[${name}] ${[record.msg, record.err?.message].filter(Boolean).join(': ')}`);
    }
  };
}
