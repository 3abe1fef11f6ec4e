const OLDEST = [20, 19];
/** The prebuilt uWebSockets.js binaries for Node 22 and later are linked against this glibc. */
const GLIBC_FOR_NODE_22 = [2, 38];

function isOlder(version, minimum) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < minimum[0] || (major === minimum[0] && minor < minimum[1]);
}

/** One line that says what to change, or undefined when this Node can run Telltale. Glibc is undefined where there is none. */
export function explainUnsupportedNode(nodeVersion, glibcVersion) {
  if (isOlder(nodeVersion, OLDEST)) {
    return `Node ${nodeVersion} is too old: install Node 20.19 or newer, for instance with "nvm install 20".`;
  }
  if (!isOlder(nodeVersion, [22, 0]) && glibcVersion !== undefined && isOlder(glibcVersion, GLIBC_FOR_NODE_22)) {
    return `uWebSockets.js for Node ${nodeVersion} needs glibc 2.38 (Debian 13, Ubuntu 24.04), this system has ${glibcVersion}: use Node 20, for instance with "nvm install 20".`;
  }
  return undefined;
}

export function readGlibcVersion() {
  return process.report.getReport().header.glibcVersionRuntime;
}
