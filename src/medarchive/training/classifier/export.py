"""Export: a network from torch to ONNX, held to the same answers; weights are kept in 16 bits."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from medarchive.errors import MedarchiveError
from medarchive.insight.picture import SIDE

__all__ = ["LIMIT", "difference", "export", "fuse", "halved"]

LIMIT = 1e-4
"""How far an answer of onnxruntime may be from torch's."""


def fuse(net: nn.Module) -> None:
    """Put each batch norm that follows a convolution, in the order of their names' making, into its weights."""
    for module in list(net.modules()):
        children = list(module.named_children())
        for (name, convolution), (norm_name, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(convolution, norm))
                setattr(module, norm_name, nn.Identity())


def halved(net: nn.Module) -> None:
    """Round the weights of convolutions and layers to what 16 bits hold, so that a file of half the size is exact."""
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())


def export(net: nn.Module, path: Path, outputs: Sequence[str]) -> str:
    """Write a network that takes "pictures" (n, 1, 256, 256), float32, 0 to 1, as ONNX (opset 18), and check it.

    Args:
        net: in evaluation mode, on the CPU.
        path: of the file.
        outputs: names, in the order of what the network returns.

    Returns:
        The file's SHA-256 in hexadecimal.

    Raises:
        MedarchiveError: onnxruntime answers differently.
    """
    example = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    program = torch.onnx.export(
        net,
        (example,),
        input_names=["pictures"],
        output_names=list(outputs),
        dynamic_shapes={"pictures": {0: torch.export.Dim("n", min=1, max=4096)}},
        opset_version=18,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    _halve(model)
    _bare(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    for count in (1, 3):
        furthest = difference(
            net, path, torch.rand(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(count))
        )
        if furthest > LIMIT:
            raise MedarchiveError(f"{path}: onnxruntime is {furthest:.2g} from torch, more than {LIMIT}; not usable")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def difference(net: nn.Module, path: Path, pictures: torch.Tensor) -> float:
    """The largest difference of any output between torch and onnxruntime."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"pictures": pictures.numpy()})
    with torch.no_grad():
        wanted = net(pictures)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    return max(float(np.abs(one - other.numpy()).max()) for one, other in zip(found, wanted, strict=True))


def _bare(model: onnx.ModelProto) -> None:
    """Take out what torch notes beside the graph: which line of which file on this machine made a node."""
    graph = model.graph
    for each in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del each.metadata_props[:]
        each.doc_string = ""


def _halve(model: onnx.ModelProto) -> None:
    """Store each large weight that 16 bits hold exactly so, and widen it again in front of what uses it."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            exact = (
                tensor.data_type == TensorProto.FLOAT
                and values.size > 256
                and np.array_equal(values.astype(np.float16).astype(np.float32), values)
            )
        if not exact:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + "_half"))
        casts.append(helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
