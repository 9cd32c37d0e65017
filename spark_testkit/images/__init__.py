"""Images: an engine as layers that Docker runs, made of the same bits as the engine on disk.

``plan`` says what there is to build, ``builder`` builds it; both for the command line and for
what runs containers.
"""

from __future__ import annotations

from spark_testkit.images.builder import Built, build
from spark_testkit.images.model import ImageSpec
from spark_testkit.images.plan import LAYERS, plan_images

__all__ = ["LAYERS", "Built", "ImageSpec", "build", "plan_images"]
