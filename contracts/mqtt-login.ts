/**
 * The name that a device logs in to the broker by: its id, with `%3A` for each colon, because a name ends at a colon in
 * Mosquitto's password file. No id has a percent sign, so no two devices have one name.
 */
export function mqttUserName(deviceId: string): string {
  return deviceId.replaceAll(':', '%3A');
}
