import { buildTinyWorld } from "../fixtures/tiny-run.js";
import { direct } from "../../src/run/director.js";
const t0 = Date.now();
const world = await buildTinyWorld();
console.log("world", Date.now() - t0);
const trainer = await world.boot();
console.log("boot", Date.now() - t0, trainer.description);
for (const name of ["a", "b"]) {
const s = await direct(trainer, world.plan(name), { onEvent: (e) => console.log(JSON.stringify(e).slice(0, 300)) });
console.log(JSON.stringify(s, null, 1), Date.now() - t0);
}
await trainer.stop();
console.log("stopped", Date.now() - t0, await trainer.exited);
console.log(world.folder)
