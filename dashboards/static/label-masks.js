// Masks of a whole picture as COCO's compressed run lengths (maskApi.c), as bits, and as pixels.
// Runs go down the columns and begin with zeros.

export function decode(rle) {
  const [height, width] = rle.size;
  const bits = new Uint8Array(width * height);
  let at = 0, value = 0;
  for (const run of runs(rle.counts)) {
    if (value) for (let each = at; each < at + run; each += 1) bits[(each % height) * width + Math.floor(each / height)] = 1;
    at += run;
    value ^= 1;
  }
  return bits;
}

export function encode(bits, width, height) {
  const counts = [];
  let value = 0, run = 0;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      if (bits[y * width + x] === value) { run += 1; continue; }
      counts.push(run);
      value ^= 1;
      run = 1;
    }
  }
  counts.push(run);
  return { size: [height, width], counts: packed(counts) };
}

function runs(text) {
  const counts = [];
  for (let at = 0; at < text.length;) {
    let value = 0, shift = 0, more = true;
    while (more) {
      const group = text.charCodeAt(at) - 48;
      value += (group & 31) * 2 ** shift;
      more = Boolean(group & 32);
      shift += 5;
      at += 1;
      if (!more && group & 16) value -= 2 ** shift;
    }
    if (counts.length > 2) value += counts[counts.length - 2];
    counts.push(value);
  }
  return counts;
}

function packed(counts) {
  let text = "";
  counts.forEach((count, place) => {
    let value = place > 2 ? count - counts[place - 2] : count;
    for (let more = true; more;) {
      let group = value & 31;
      value >>= 5;
      more = group & 16 ? value !== -1 : value !== 0;
      if (more) group |= 32;
      text += String.fromCharCode(group + 48);
    }
  });
  return text;
}

// The box x0, y0, x1, y1 of set bits; null where there are none.
export function boxOf(bits, width, height) {
  let x0 = width, y0 = height, x1 = -1, y1 = -1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0, at = y * width; x < width; x += 1, at += 1) {
      if (!bits[at]) continue;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      y1 = y;
    }
  }
  return x1 < 0 ? null : [x0, y0, x1 + 1, y1 + 1];
}

// A segmentation as bits, whichever of the two forms it has.
export function toBits(segmentation, width, height) {
  if (!Array.isArray(segmentation)) return decode(segmentation);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fill(path(segmentation));
  const rgba = context.getImageData(0, 0, width, height).data;
  const bits = new Uint8Array(width * height);
  for (let at = 0; at < bits.length; at += 1) bits[at] = rgba[at * 4 + 3] > 127 ? 1 : 0;
  return bits;
}

export function path(rings) {
  const made = new Path2D();
  for (const ring of rings) {
    ring.forEach((x, at) => { if (at % 2 === 0) made[at ? "lineTo" : "moveTo"](x, ring[at + 1]); });
    made.closePath();
  }
  return made;
}

// A round spot, set or cleared along the way from one point to another.
export function stroke(bits, width, height, from, to, radius, value) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / Math.max(0.5, radius / 2)));
  for (let step = 0; step <= steps; step += 1) {
    const cx = from[0] + ((to[0] - from[0]) * step) / steps, cy = from[1] + ((to[1] - from[1]) * step) / steps;
    for (let y = Math.max(0, Math.floor(cy - radius)); y < Math.min(height, cy + radius); y += 1) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x < Math.min(width, cx + radius); x += 1) {
        if ((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= radius * radius) bits[y * width + x] = value;
      }
    }
  }
}

// Bits moved by whole pixels; what leaves the picture is gone.
export function shifted(bits, width, height, dx, dy) {
  const moved = new Uint8Array(bits.length);
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y += 1) {
    for (let x = Math.max(0, dx); x < Math.min(width, width + dx); x += 1) moved[y * width + x] = bits[(y - dy) * width + x - dx];
  }
  return moved;
}

// A picture of the bits in one colour, with where it stands; null where there are none.
export function tinted(bits, width, height, [red, green, blue]) {
  const box = boxOf(bits, width, height);
  if (!box) return null;
  const [x0, y0, x1, y1] = box;
  const image = new ImageData(x1 - x0, y1 - y0);
  const set = (x, y) => x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x];
  for (let y = y0; y < y1; y += 1) {
    for (let x = x0; x < x1; x += 1) {
      if (!bits[y * width + x]) continue;
      const edge = !(set(x - 1, y) && set(x + 1, y) && set(x, y - 1) && set(x, y + 1));
      image.data.set([red, green, blue, edge ? 255 : 90], ((y - y0) * (x1 - x0) + x - x0) * 4);
    }
  }
  const canvas = new OffscreenCanvas(x1 - x0, y1 - y0);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { canvas, x: x0, y: y0 };
}
