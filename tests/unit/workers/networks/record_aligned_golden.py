"""Write aligned_golden.json: what Detectron2 itself finds with the drawn weights and images.

Where Detectron2 can be imported, from the root of the repository:

    python -m tests.unit.workers.networks.record_aligned_golden
"""

import json

import torch

from tests.unit.workers.networks.aligned_drawn import (
    CLASSES,
    GOLDEN,
    as_numbers,
    draw_images,
    draw_weights,
    tiny_values,
)
from workers.networks.detectron2_network import build_detectron2


@torch.inference_mode()
def record() -> None:
    torch.set_num_threads(1)
    network = build_detectron2(tiny_values(), len(CLASSES)).eval()
    draw_weights(network.body)
    lines = [json.dumps(as_numbers(found)) for found in network(draw_images())]
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    record()
