# The program on a plain Debian 12, CPU only:
#   docker build -t murmur . && docker run --rm murmur train --epochs 1
FROM debian:12 AS packages
# scripts/common.sh has the list of packages, for every way to build.
COPY scripts/common.sh /murmur/scripts/common.sh
WORKDIR /murmur
RUN bash -c '. scripts/common.sh && set_up build' && rm -rf /var/lib/apt/lists/* build

FROM packages
COPY . .
# Not tuned to the machine that builds the image.
RUN cmake --preset cpu -DMURMUR_MARCH=x86-64-v3 -DMURMUR_TESTS=OFF -DMURMUR_BENCH=OFF -DMURMUR_EXAMPLES=OFF \
    && cmake --build --preset cpu && cmake --install build/cpu --prefix /usr/local && rm -rf build
ENTRYPOINT ["murmur"]
