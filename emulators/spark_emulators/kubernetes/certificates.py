"""The cluster's certificate authority, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from spark_platform.kernel.files import private_folder, write_atomically

__all__ = ["Authority", "Pair"]

_DAYS = 3650
_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs the server's and clients' certificates.

    Args:
        folder: where its files are; made there where they are missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = private_folder(folder)
        self.certificate_file = folder / "ca.crt"
        self._key_file = folder / "ca.key"
        if not self._key_file.exists():
            pair = _make("kubernetes-ca")
            write_atomically(self.certificate_file, pair.certificate, mode=0o644)
            write_atomically(self._key_file, pair.key)
        self.pem = self.certificate_file.read_bytes()
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.pem)

    @property
    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of service account tokens, which outlives the process as well."""
        return self._key

    def server(self, hosts: tuple[str, ...]) -> tuple[Path, Path]:
        """A server certificate for ``hosts`` and the cluster's own names, as two files."""
        names: list[x509.GeneralName] = []
        for each in dict.fromkeys((*hosts, "127.0.0.1", "::1", "10.96.0.1", *_SERVER_NAMES)):
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(each)))
            except ValueError:
                names.append(x509.DNSName(each))
        pair = _make("kube-apiserver", signer=self, names=names)
        certificate, key = self.folder / "server.crt", self.folder / "server.key"
        write_atomically(certificate, pair.certificate, mode=0o644)
        write_atomically(key, pair.key)
        return certificate, key

    def client(self, name: str, organizations: tuple[str, ...] = ()) -> Pair:
        """A certificate that says its holder is ``name`` of ``organizations``."""
        return _make(name, organizations, signer=self)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign what ``_make`` has begun."""
        return builder.issuer_name(self._certificate.subject).sign(self._key, hashes.SHA256())


def _make(
    name: str,
    organizations: tuple[str, ...] = (),
    *,
    signer: Authority | None = None,
    names: list[x509.GeneralName] | None = None,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if signer is None:
        builder = builder.add_extension(_key_usage(), critical=True)
        certificate = builder.issuer_name(subject).sign(key, hashes.SHA256())
    else:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.signing_key.public_key()),
            critical=False,
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = signer.sign(builder)
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
