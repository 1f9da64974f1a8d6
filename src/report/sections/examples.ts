import { captionParts } from "../../evaluation/scenes/caption-objects.js";
import { type Markup, markup } from "../markup.js";
import { pngImage } from "../png-image.js";
import { type ExampleScene, labelOf, type ReportData } from "../report-data.js";

/** Test scenes with the captions before and after training. */
export function examplesSection(data: ReportData): Markup {
  const cards = (scenes: readonly ExampleScene[]): Markup =>
    markup`<div class="cards">${scenes.map((scene) => sceneCard(scene, data))}</div>`;
  const { firstScenes: first, worstScenes: worst } = data;
  return markup`<p class="note"><mark class="absent">word</mark> is not in the picture; <span class="missed">word</span> is in the picture and was not named.</p>
<h3>The first ${first.length} test scenes</h3><p class="note">In the order of the file; nothing was picked.</p>${cards(first)}
${
  worst.length === 0
    ? null
    : markup`<h3>The ${worst.length} worst of the others</h3><p class="note">Most wrong and missed objects by ${labelOf(data, data.after)}.</p>${cards(worst)}`
}`;
}

function sceneCard(scene: ExampleScene, data: ReportData): Markup {
  return markup`<div class="card scene">${pngImage(scene.png, `A picture of: ${scene.objects.join(", ")}`)}<div>
<p><span class="who">${labelOf(data, data.before)}</span>${markedCaption(scene.before, scene.objects)}</p>
<p><span class="who">${labelOf(data, data.after)}</span>${markedCaption(scene.after, scene.objects)}</p></div></div>
`;
}

/** A caption with absent objects marked in it and missed objects after it. */
export function markedCaption(caption: string, objects: readonly string[]): Markup {
  const parts = captionParts(caption);
  const named = new Set(parts.map(({ object }) => object));
  const missed = objects.filter((object) => !named.has(object));
  return markup`${parts.map(({ text, object }) =>
    object !== null && !objects.includes(object)
      ? markup`<mark class="absent" title="not in the picture">${text}</mark>`
      : markup`${text}`,
  )}${missed.map((object) => markup` <span class="missed" title="in the picture, not named">${object}</span>`)}`;
}
