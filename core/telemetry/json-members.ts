/**
 * Whether an object in a JSON text names a member twice. `JSON.parse` lets the last one win, and two readers that differ
 * there read two different packs from one signature. The text must be valid JSON already.
 */
export function hasDuplicateMember(json: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let expectName = false;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case OPEN_BRACE:
        open.push(new Set());
        expectName = true;
        break;
      case OPEN_BRACKET:
        open.push(undefined);
        expectName = false;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        open.pop();
        expectName = false;
        break;
      case COMMA:
        expectName = open.at(-1) !== undefined;
        break;
      case QUOTE: {
        const end = endOfString(json, at);
        const names = open.at(-1);
        if (expectName && names !== undefined) {
          const name = nameOf(json.slice(at, end + 1));
          if (names.has(name)) return true;
          names.add(name);
          expectName = false;
        }
        at = end;
        break;
      }
      default:
        break;
    }
  }
  return false;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (precedingBackslashes(json, end) % 2 === 1) end = json.indexOf('"', end + 1);
  return end;
}

function precedingBackslashes(json: string, at: number): number {
  let count = 0;
  while (json.charCodeAt(at - 1 - count) === BACKSLASH) count += 1;
  return count;
}

/** "bn" and its escaped form name the same member. */
function nameOf(quoted: string): string {
  return quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
}
