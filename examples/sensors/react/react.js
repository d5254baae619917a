// Raises an alarm at /alarms/<name> when a sensor of /hosts/<name> passes its limit, and
// clears it when the sensor is well below again. Bound to /hosts/**.
var kalima_abi = 1;

const MAX_KEY = 255; // bytes; an address and the keys of LIMITS have one for each character

// Raise above high, clear below low. The gap between them keeps an alarm from flickering.
const LIMITS = {
  cpu_percent: { high: 90, low: 75 },
  mem_used_percent: { high: 90, low: 80 },
  swap_used_percent: { high: 80, low: 60 },
  disk_used_percent: { high: 90, low: 85 },
  temperature_c: { high: 85, low: 75 },
};

function react() {
  const event = kalima.event;
  const limit = LIMITS[event.key];
  const [, , name, ...below] = event.address.split("/"); // "/hosts/<name>/..."
  if (event.op === "delete" || !limit || !name) return 0;
  const value = Number(event.value); // the validate contract let only numbers through
  const alarm = "/alarms/" + name;
  const key = [...below, event.key].join("/"); // two disks of a machine have two alarms
  if (key.length > MAX_KEY) return 0;
  const current = kalima.get(alarm, key);
  const raised = current !== null && current.startsWith("high ");
  if (!raised && value > limit.high) {
    kalima.submit(alarm, key, `high ${event.value} ${event.time}`);
  } else if (raised && value < limit.low) {
    kalima.submit(alarm, key, `clear ${event.value} ${event.time}`);
  }
  return 0;
}
