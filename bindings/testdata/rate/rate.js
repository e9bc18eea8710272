// Calls a verb many times, and prints how many nanoseconds that took: rate.js http SOCKET N | library LIBRARY FOLDER N.
import { connect, open } from "syncmanager";

const [door, ...given] = process.argv.slice(2);
const n = Number(given.pop());
const client = door === "http" ? connect({ socketPath: given[0] }) : await open(given[1], { library: given[0] });
await client.version();
const begun = process.hrtime.bigint();
for (let i = 0; i < n; i++) await client.version();
console.log(String(process.hrtime.bigint() - begun));
await client.close();
