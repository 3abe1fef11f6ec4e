const MEMBER_NAME = /"(?:[^"\\]|\\.)*"(?=[ \t\r\n]*:)/g;

/** Whether a valid JSON text names more members than `JSON.parse` has kept, found another way than the parser finds it. */
export function losesMembers(text: string, parsed: unknown): boolean {
  return (text.match(MEMBER_NAME)?.length ?? 0) > countMembers(parsed);
}

/** Without recursion: nesting may be deeper than the stack. */
function countMembers(root: unknown): number {
  let count = 0;
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const children: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += children.length;
    for (const child of children) open.push(child);
  }
  return count;
}
