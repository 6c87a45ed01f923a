"""Prints the table of metrics_adwin_test.cpp: what River's ADWIN (riverml.xyz, `pip install river`) finds in
streams that the test makes in the same way. It is not run by the tests, which need no River."""

from river.drift import ADWIN

MASK = (1 << 64) - 1
#: What happens after each quarter of a stream: the mean of 0 and 1, or of a uniform number's half width.
COURSES = ([0.1, 0.1, 0.1, 0.1], [0.1, 0.3, 0.2, 0.6], [0.5, 0.45, 0.4, 0.35], [0.8, 0.2, 0.2, 0.8])
ROWS = 4000


def mix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def uniform(seed, i):
    return (mix64(mix64(seed) ^ i) >> 11) / 2**53


def number(seed, i, mean, smooth):
    share = uniform(seed, i)
    return share * 2 * mean if smooth else float(share < mean)


for smooth in (False, True):
    for seed, course in enumerate(COURSES):
        means = [one / 2 for one in course] if smooth else course
        adwin, found = ADWIN(), []
        for i in range(ROWS):
            adwin.update(number(seed, i, means[i * 4 // ROWS], smooth))
            if adwin.drift_detected:
                found.append((i, int(adwin.width)))
        text = ", ".join(f"{{{row}, {width}}}" for row, width in found)
        courses = ", ".join(map(str, means))
        print(f"    {{{seed}, {str(smooth).lower()}, {{{courses}}}, {{{text}}},\n"
              f"     {int(adwin.width)}, {adwin.estimation!r}}},")
