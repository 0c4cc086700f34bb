/*
 * The protocol of the two judges: one command a line on standard input, its words separated by blanks, bytes as hexadecimal ("-" is
 * nothing); one answer a line on standard output, a status (0 is success) and what was asked for.
 */
#ifndef LINES_H
#define LINES_H 1

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 8
#define LINE (1 << 17)

typedef struct {
    unsigned char *bytes;
    unsigned long len;
} Bytes;

static char line[LINE];
static char *word[WORDS];
static int words;

/* Reads a command and splits it; 0 at the end of the input. Missing words are empty. */
static int next_command(void)
{
    char *at;
    if (!fgets(line, sizeof(line), stdin)) {
        return 0;
    }
    words = 0;
    for (at = strtok(line, " \r\n"); at && words < WORDS; at = strtok(NULL, " \r\n")) {
        word[words++] = at;
    }
    for (int i = words; i < WORDS; i++) {
        word[i] = (char *)"";
    }
    return 1;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The bytes of a word, in memory of their own that is never given back: the judges are short-lived. */
static Bytes bytes_of(const char *text)
{
    Bytes out = {NULL, 0};
    size_t digits = strcmp(text, "-") ? strlen(text) : 0;
    out.bytes = calloc(1, digits / 2 + 1);
    for (; out.len < digits / 2; out.len++) {
        out.bytes[out.len] = (unsigned char)(nibble(text[2 * out.len]) << 4 | nibble(text[2 * out.len + 1]));
    }
    return out;
}

static unsigned long number_of(const char *text)
{
    return strtoul(text, NULL, 0);
}

static inline void answer(unsigned long status)
{
    printf("0x%08lx\n", status);
    fflush(stdout);
}

static inline void answer_number(unsigned long status, unsigned long value)
{
    printf("0x%08lx %lu\n", status, value);
    fflush(stdout);
}

static void answer_bytes(unsigned long status, const unsigned char *bytes, unsigned long len)
{
    printf("0x%08lx ", status);
    for (unsigned long i = 0; !status && i < len; i++) {
        printf("%02x", bytes[i]);
    }
    printf(!status && len ? "\n" : "-\n");
    fflush(stdout);
}

#endif
