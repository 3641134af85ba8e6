// Allocates N times by each entry point and frees all of it: what alloc_count must find, on top of an empty run's own.
#include <stdlib.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < count; i++) {
        void *volatile a = malloc(10);
        void *volatile b = calloc(2, 10);
        void *volatile c = realloc(NULL, 10);
        c = realloc(c, 4000);
        void *volatile d = aligned_alloc(64, 128);
        void *e = NULL;
        if (posix_memalign(&e, 64, 10)) return 1;
        free(a);
        free(b);
        free(c);
        free(d);
        free(e);
    }
    return 0;
}
