import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { unreadable } from "../../files/text-file.js";
import type { ObjectAnnotation } from "../pair-row.js";
import { type Importer, type ImportSettings, RowFault, type SourcePair } from "./importer.js";
import { sectionElements } from "./json-sections.js";

const CAPTIONS = /^captions_(.+)\.json$/;

const imageSchema = z.object({
  id: z.int(),
  file_name: z.string(),
  width: z.number().positive(),
  height: z.number().positive(),
});
const captionSchema = z.object({ image_id: z.int(), caption: z.string() });
const instanceSchema = z.object({
  image_id: z.int(),
  category_id: z.int(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  iscrowd: z.union([z.literal(0), z.literal(1)]).default(0),
});
const categorySchema = z.object({ id: z.int(), name: z.string() });

/**
 * COCO's captions and instances: images whose objects are known, `chosen` the first caption. The rejected half is
 * still to be made. Lin et al., arXiv 1405.0312.
 */
export const coco: Importer = {
  name: "coco",
  about: "COCO's captions_*.json and instances_*.json: annotated pictures, the rejected half still to be made",
  documentation: "https://cocodataset.org/#format-data",
  read,
};

async function* read(source: string, settings: ImportSettings): AsyncGenerator<SourcePair, void, undefined> {
  for (const { captions, instances } of await annotationFiles(source, settings.dataset)) {
    const said = await captionsByImage(captions);
    const seen = instances === null ? null : await thingsByImage(instances, said.images);
    for (const image of said.images.values()) {
      const texts = said.captions.get(image.id) ?? [];
      const things = seen?.get(image.id) ?? (seen === null ? null : []);
      const [chosen] = texts;
      const place = { file: captions, unit: "image" as const, number: image.id };
      if (chosen === undefined) {
        yield { place, found: new RowFault("annotations", "hold no caption of the image, expected at least one") };
        continue;
      }
      yield {
        place,
        found: {
          id: `coco-${image.id}`,
          images: { field: "file_name", value: image.file_name },
          prompt: settings.prompt,
          chosen,
          captions: texts,
          objects: things === null ? null : [...new Set(things.map(({ object }) => object))],
          annotations: things,
        },
      };
    }
  }
}

interface AnnotationFiles {
  readonly captions: string;
  readonly instances: string | null;
}

async function annotationFiles(source: string, wanted: string | undefined): Promise<AnnotationFiles[]> {
  const found = await stat(source).catch((cause: unknown) => {
    throw unreadable(source, cause);
  });
  const folder = found.isDirectory() ? source : dirname(source);
  const names = (await readdir(folder)).sort();
  const captions = (found.isDirectory() ? names : [basename(source)]).filter((name) => CAPTIONS.test(name));
  const chosen = captions.filter((name) => wanted === undefined || CAPTIONS.exec(name)?.[1] === wanted);
  if (chosen.length === 0) {
    const set = wanted === undefined ? "" : ` of the set ${wanted}`;
    throw new UserError(`${source}: expected captions_<set>.json${set}, with instances_<set>.json beside it`);
  }
  return chosen.map((name) => {
    const instances = name.replace(/^captions_/, "instances_");
    return { captions: join(folder, name), instances: names.includes(instances) ? join(folder, instances) : null };
  });
}

type Image = z.infer<typeof imageSchema>;

async function captionsByImage(path: string): Promise<{ images: Map<number, Image>; captions: Map<number, string[]> }> {
  const images = new Map<number, Image>();
  const captions = new Map<number, string[]>();
  for await (const { section, number, value } of sectionElements(path, new Set(["images", "annotations"]))) {
    const place = `${path}, ${section} element ${number}`;
    if (section === "images") {
      const image = fitting(imageSchema, value, place);
      images.set(image.id, image);
      continue;
    }
    const { image_id: id, caption } = fitting(captionSchema, value, place);
    const text = caption.trim();
    const texts = captions.get(id);
    if (text === "") continue;
    if (texts === undefined) captions.set(id, [text]);
    else texts.push(text);
  }
  for (const id of captions.keys()) {
    if (!images.has(id)) throw new UserError(`${path}: annotations speak of image ${id}, which images does not list`);
  }
  return { images, captions };
}

async function thingsByImage(
  path: string,
  images: ReadonlyMap<number, Image>,
): Promise<Map<number, ObjectAnnotation[]>> {
  const names = new Map<number, string>();
  const instances: z.infer<typeof instanceSchema>[] = [];
  for await (const { section, number, value } of sectionElements(path, new Set(["annotations", "categories"]))) {
    const place = `${path}, ${section} element ${number}`;
    if (section === "categories") {
      const { id, name } = fitting(categorySchema, value, place);
      names.set(id, name);
    } else {
      instances.push(fitting(instanceSchema, value, place));
    }
  }
  // The names stand behind the instances in the official files.
  const things = new Map<number, ObjectAnnotation[]>();
  for (const { image_id: id, category_id: category, bbox, iscrowd } of instances) {
    const object = names.get(category);
    if (object === undefined) throw new UserError(`${path}: category_id is ${category}, which categories do not name`);
    const image = images.get(id);
    if (image === undefined) continue;
    const thing = { object, box: shares(bbox, image), ...(iscrowd === 1 ? { crowd: true } : {}) };
    const list = things.get(id);
    if (list === undefined) things.set(id, [thing]);
    else list.push(thing);
  }
  return things;
}

type Box = NonNullable<ObjectAnnotation["box"]>;

/** Boxes of the official files reach over the edge by rounding. */
function shares([left, top, width, height]: [number, number, number, number], image: Image): Box {
  const share = (value: number, whole: number): number => Math.min(1, Math.max(0, value / whole));
  return [share(left, image.width), share(top, image.height), share(width, image.width), share(height, image.height)];
}

function fitting<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? "" : `field ${issue.path.join(".")}: `;
  throw new UserError(`${place}: ${field}${issue?.message ?? "cannot be read"}; download the file again or repair it`);
}
