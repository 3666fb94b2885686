# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes OCI image layouts for tests, right ones and, where a test changes a piece, wrong ones."""

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(files):
    """files: names to content; a name that ends in / is a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.mode, info.size = 0o755, len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layout:
    def __init__(self, top):
        self.top = top
        self.index = []
        os.makedirs(os.path.join(top, "blobs/sha256"))
        with open(os.path.join(top, "oci-layout"), "w", encoding="ascii") as file:
            file.write('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, media_type, **more):
        """Writes a blob and gives its descriptor."""
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        with open(self.path(digest_of(data)), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}

    def path(self, digest):
        return os.path.join(self.top, "blobs/sha256", digest.partition(":")[2])

    def image(self, layers, process=None, docker=False, manifest=None, config=None, **more):
        """An image of layers (tars as bytes); gives the manifest's descriptor."""
        document = {"architecture": ARCHITECTURE, "os": "linux", "config": process,
                    "rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]}, **(config or {})}
        layer_type = DOCKER + "image.rootfs.diff.tar.gzip" if docker else OCI + "layer.v1.tar+gzip"
        made = {"schemaVersion": 2,
                "mediaType": DOCKER + "distribution.manifest.v2+json" if docker else OCI + "manifest.v1+json",
                "config": self.blob(document, DOCKER + "container.image.v1+json" if docker else OCI + "config.v1+json"),
                "layers": [self.blob(gzip.compress(one, mtime=0), layer_type) for one in layers], **(manifest or {})}
        return self.blob(made, made["mediaType"], **more)

    def nested(self, descriptors, docker=False):
        kind = DOCKER + "distribution.manifest.list.v2+json" if docker else OCI + "index.v1+json"
        return self.blob({"schemaVersion": 2, "mediaType": kind, "manifests": descriptors}, kind)

    def add(self, descriptor, ref=None):
        if ref:
            descriptor = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": ref}}
        self.index.append(descriptor)

    def save(self):
        with open(os.path.join(self.top, "index.json"), "w", encoding="ascii") as file:
            json.dump({"schemaVersion": 2, "manifests": self.index}, file)
