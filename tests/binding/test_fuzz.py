"""A short run of the fuzzer; ``python -m tests.binding.fuzz`` runs for ten minutes."""

from tests.binding import fuzz
from tests.binding.keys import ClientKey


def test_fuzzed_proofs_are_refused_unless_signed():
    counts = fuzz.run(minutes=0, number=1, examples=200)
    assert counts.total() >= 400
    # Both sides of the signature were reached.
    assert counts["proof_malformed"]
    assert set(counts) - {"proof_malformed"}


def test_fuzzer_accepts_genuine_proof():
    assert fuzz.verify(ClientKey().proof(fuzz.PATH)) == "accepted"
