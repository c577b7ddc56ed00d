/* A stand-in for libedgetpu.so.1: claims the nodes named edgetpu-custom-op and computes 255 - x on bytes.
 *
 * Its one option, `device`, chooses a behaviour: "refuse", "null", "reject", "quit", "segfault" and "hang"
 * fail as real delegates do; anything else works. Where FAKE_EDGETPU names a file, its first letter is read at each
 * turn: "g" the device is gone, and its inferences "h" hang, "f" fail or "s" segfault; and of a model that is not
 * compiled for it, the node that makes bytes signed is claimed. The declarations below are TFLite's C ABI, as far as it is needed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

typedef struct {
  int size;
  int data[];
} TfLiteIntArray;

typedef struct {
  int type;
  union {
    uint8_t *uint8;
  } data;
  TfLiteIntArray *dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  struct {
    int type;
    void *params;
  } quantization;
  void *sparsity;
  const TfLiteIntArray *dims_signature;
} TfLiteTensor;

typedef struct {
  TfLiteIntArray *inputs, *outputs, *intermediates, *temporaries;
} TfLiteNode;

typedef struct TfLiteContext TfLiteContext;
typedef struct TfLiteDelegate TfLiteDelegate;

typedef struct {
  void *(*init)(TfLiteContext *, const char *, size_t);
  void (*free)(TfLiteContext *, void *);
  TfLiteStatus (*prepare)(TfLiteContext *, TfLiteNode *);
  TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
  const char *(*profiling_string)(const TfLiteContext *, const TfLiteNode *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *async_kernel;
  uint64_t inplace_operator;
  uint64_t spare[2];
} TfLiteRegistration;

struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(TfLiteContext *, TfLiteIntArray **);
  TfLiteTensor *tensors;
  void *impl;
  void *ResizeTensor;
  void (*ReportError)(TfLiteContext *, const char *, ...);
  void *AddTensors;
  TfLiteStatus (*GetNodeAndRegistration)(TfLiteContext *, int, TfLiteNode **, TfLiteRegistration **);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(TfLiteContext *, TfLiteRegistration, const TfLiteIntArray *,
                                                        TfLiteDelegate *);
};

struct TfLiteDelegate {
  void *data;
  TfLiteStatus (*Prepare)(TfLiteContext *, TfLiteDelegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque_builder;
};

/* With this flag TFLite hands the graph over before it prepares the operation that it does not know. */
enum { kTfLiteDelegateFlagsAllowDynamicTensors = 1 };
enum { kTfLiteBuiltinQuantize = 114 };

static bool quantizes;

static char trouble(void) {
  char letter = 0;
  const char *path = getenv("FAKE_EDGETPU");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file >= 0) {
    if (read(file, &letter, 1) < 1) letter = 0;
    close(file);
  }
  return letter;
}

static TfLiteStatus prepare_kernel(TfLiteContext *context, TfLiteNode *node) { return kTfLiteOk; }

static TfLiteStatus compute(TfLiteContext *context, TfLiteNode *node) {
  char now = trouble();
  if (now == 'h') pause();
  if (now == 's') raise(SIGSEGV);
  if (now == 'f' || now == 'g') return kTfLiteError;
  const TfLiteTensor *in = &context->tensors[node->inputs->data[0]];
  TfLiteTensor *out = &context->tensors[node->outputs->data[0]];
  size_t size = in->bytes < out->bytes ? in->bytes : out->bytes;
  for (size_t i = 0; i < size; i++) out->data.uint8[i] = quantizes ? in->data.uint8[i] ^ 128 : 255 - in->data.uint8[i];
  return kTfLiteOk;
}

static TfLiteStatus claim(TfLiteContext *context, TfLiteDelegate *delegate) {
  TfLiteIntArray *plan;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;
  TfLiteIntArray *ours = malloc(sizeof(int) * (plan->size + 1));
  ours->size = 0;
  for (int i = 0; i < plan->size; i++) {
    TfLiteNode *node;
    TfLiteRegistration *found;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &found) != kTfLiteOk) continue;
    bool compiled = found->custom_name && !strcmp(found->custom_name, "edgetpu-custom-op");
    bool quantize = getenv("FAKE_EDGETPU") && found->builtin_code == kTfLiteBuiltinQuantize;
    quantizes |= quantize;
    if (compiled || quantize) ours->data[ours->size++] = plan->data[i];
  }
  TfLiteRegistration kernel = {0};
  kernel.prepare = prepare_kernel;
  kernel.invoke = compute;
  kernel.custom_name = "FakeEdgeTpu";
  kernel.version = 1;
  TfLiteStatus status = context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, ours, delegate);
  free(ours);
  return status;
}

static TfLiteStatus reject(TfLiteContext *context, TfLiteDelegate *delegate) {
  context->ReportError(context, "the model was compiled for a newer runtime");
  return kTfLiteError;
}

TfLiteDelegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  const char *device = "";
  for (size_t i = 0; i < count; i++)
    if (!strcmp(keys[i], "device")) device = values[i];
  if (!strcmp(device, "null")) return NULL;
  if (!strcmp(device, "refuse") || trouble() == 'g') {
    report("no such Edge TPU");
    return NULL;
  }
  if (!strcmp(device, "quit")) _exit(7);
  if (!strcmp(device, "segfault")) raise(SIGSEGV);
  if (!strcmp(device, "hang")) pause();
  TfLiteDelegate *delegate = calloc(1, sizeof *delegate);
  delegate->Prepare = strcmp(device, "reject") ? claim : reject;
  delegate->flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate) { free(delegate); }
