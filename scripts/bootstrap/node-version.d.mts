export function explainUnsupportedNode(nodeVersion: string, glibcVersion: string | undefined): string | undefined;
export function readGlibcVersion(): string | undefined;
