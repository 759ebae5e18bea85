/** The oldest Node that the product runs on. */
const OLDEST_NODE = '20.19.0';

/**
 * One plain line when this version of Node is too old, else undefined.
 * @param {string} version like 20.19.4
 * @returns {string | undefined}
 */
export function nodeTooOld(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `Node ${version} is too old: install Node ${oldestMajor}.${oldestMinor} or newer`;
}
