"""CRC combination: the CRC of joined pieces from the CRC of each, without their bytes."""

from functools import cached_property, lru_cache


class CrcCombiner:
    """Combination of CRCs with reflected bits and a register that is inverted at both ends.

    Args:
        polynomial: the polynomial, reflected, without its highest bit.
        width: the number of bits of the CRC.
    """

    def __init__(self, polynomial: int, width: int) -> None:
        self._polynomial = polynomial
        self._one = 1 << (width - 1)  # the polynomial 1, reflected
        self._mask = (1 << width) - 1
        # Most parts of a body have the same length.
        self._cached_zeros = lru_cache(maxsize=16)(self._zeros)

    def join(self, first: int, second: int, second_length: int) -> int:
        """Return the CRC of two joined pieces.

        Args:
            first: the CRC of the first piece.
            second: the CRC of the second piece.
            second_length: the length of the second piece in bytes.
        """
        return self._multiply(self._cached_zeros(second_length), first) ^ second

    def _zeros(self, length: int) -> int:
        shift, place, bits = self._one, 0, length * 8
        while bits:
            if bits & 1:
                shift = self._multiply(self._powers[place], shift)
            bits >>= 1
            place += 1
        return shift

    def _multiply(self, left: int, right: int) -> int:
        """Return the product of two polynomials modulo the CRC's."""
        polynomial, one, mask = self._polynomial, self._one, self._mask
        product = 0
        while left:
            if left & one:
                product ^= right
            left = (left << 1) & mask
            right = (right >> 1) ^ polynomial if right & 1 else right >> 1
        return product

    @cached_property
    def _powers(self) -> tuple[int, ...]:
        """x, x^2, x^4, ...: the effect of 1, 2, 4, ... zero bits on the register."""
        powers = [self._one >> 1]
        while len(powers) < 3 + 64:  # for the bits of a length that takes 64 bits
            powers.append(self._multiply(powers[-1], powers[-1]))
        return tuple(powers)
